"""``swimrl completion``."""

import subprocess

import pytest

from swimrl.cli.app import COMMANDS, main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_the_script_of_every_shell_knows_the_commands_and_their_options(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["completion", shell])
    assert end.value.code == 0
    script = capsys.readouterr().out
    missing = {
        word
        for word in [*COMMANDS, "eval-every", "td3.gamma", "record-states", "peer-python"]
        if word not in script
    }
    assert missing == set()


def test_bash_completes_a_command_and_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "bash"])
    script = capsys.readouterr().out
    complete = """
COMP_WORDS=(swimrl "$@"); COMP_CWORD=$#
"$(complete -p swimrl | sed 's/.*-F \\([^ ]*\\).*/\\1/')" swimrl "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

    def completions(*words: str) -> list[str]:
        command = ["bash", "-c", script + complete, "bash", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert completions("tr") == ["train"]
    assert completions("bench", "act") == ["activations"]
    assert completions("bench", "train", "--peer")[0] == "--peer-python"
    assert completions("train", "--eval-ep") == ["--eval-episodes"]
