"""Running ``hybrid-router`` inside the test's process."""

from typer.testing import CliRunner

from hybrid_router_core.cli.app import app

try:
    RUNNER = CliRunner(mix_stderr=False)
except TypeError:  # a newer one never mixes them
    RUNNER = CliRunner()


def run(*arguments):
    return RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def done(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def failed(*arguments, code=1):
    """The last line on stderr of a run that fails."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: " if code == 1 else "Error: "), result.stderr
    return line
