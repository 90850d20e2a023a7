"""Programs for the environments of other libraries; of swimrl they import `swimrl.timing` only."""
