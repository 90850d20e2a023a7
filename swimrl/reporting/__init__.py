"""From the files of a study to one page: reward and efficiency with statistics that hold."""
