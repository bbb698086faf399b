"""The command line. It parses, calls and prints; what a build is stands in ``pipeline``.

Nothing heavy is imported here, and what is not needed to print ``--help`` is imported inside the commands.

Exit codes: 0 done; 2 wrong before any work (arguments, study files, names); 1 afterwards; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xaireport.errors import ConfigError, XaiReportError
from xaireport.types.data import DataMode

if TYPE_CHECKING:
    from xaireport.cli.console import Console
    from xaireport.pipeline.request import BuildResult

app = typer.Typer(
    name="xaireport",
    help="Train, evaluate and explain image classifiers, and render model cards that compare them.",
    epilog="Start with: xaireport build --all --data phantom",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        help="Studies (derma), variants (derma.augmented) or study files (my.toml).", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every study that `xaireport list` names.")]
Out = Annotated[Path, typer.Option(help="Folder for the reports.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace files in the way that no earlier build put there.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Why = Annotated[bool, typer.Option("--why", help="Say of every step why it runs.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only what went wrong.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"xaireport {version('xaireport')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def build(
    targets: Targets = None,
    all: All = False,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Train each variant for at most so many epochs.", show_default=False),
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(help="Stop the training of each variant after so long.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of training and of phantom data.", show_default=False)
    ] = None,
    out: Out = Path("reports"),
    data: Annotated[
        DataMode,
        typer.Option(
            help="real: fail without it. phantom: drawn from a seed. auto: real where it can be had."
        ),
    ] = "auto",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder with the data files; looked into first.", show_default=False)
    ] = None,
    allow_random_backbone: Annotated[
        bool,
        typer.Option(
            "--allow-random-backbone", help="Go on without pretrained weights where they cannot be had."
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="For this run: augmented.train.epochs=5.", show_default=False
        ),
    ] = None,
    force: Force = False,
    why: Why = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train, evaluate, explain and report. What is already there and still holds is not done again."""
    if max_minutes is not None and not max_minutes > 0:
        raise typer.BadParameter(f"{max_minutes:g} is not more than 0.", param_hint="'--max-minutes'")
    with _console(as_json=as_json, quiet=quiet, why=why) as console:
        from xaireport.pipeline import run
        from xaireport.pipeline.request import BuildRequest

        request = BuildRequest(
            targets=tuple(targets or ()),
            all=all,
            epochs=epochs,
            max_minutes=max_minutes,
            seed=seed,
            out=out,
            data=data,
            data_dir=data_dir,
            allow_random_backbone=allow_random_backbone,
            overrides=tuple(set_ or ()),
            dry_run=dry_run,
            force=force,
        )
        with _stdout_kept_for_json(as_json):
            result = run.build(request, console.on_event, console.on_epoch)
        _finish(console, result)


@app.command()
def render(
    targets: Targets = None,
    all: All = False,
    out: Out = Path("reports"),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="Only these: html, pdf, md, fragment; several with commas, or the option again.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    why: Why = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Write the pages again from what is stored. Needs no TensorFlow."""
    with _console(as_json=as_json, quiet=quiet, why=why) as console:
        from xaireport.pipeline import run

        with _stdout_kept_for_json(as_json):
            names = (name.strip() for given in formats or () for name in given.split(","))
            wanted = tuple(filter(None, names))
            result = run.render(tuple(targets or ()), all, out, dry_run, console.on_event, wanted, force)
        _finish(console, result)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Name the studies, their variants, and the trained models that exist."""
    from xaireport.cli import listing

    studies, problems = listing.studies()
    print(listing.as_json(studies) if as_json else listing.as_text(studies))
    for problem in problems:
        print(f"Error: {problem.message}", file=sys.stderr)
    if problems:
        raise typer.Exit(2)


@app.command()
def clean(
    everything: Annotated[
        bool, typer.Option("--everything", help="All stored results, not only those out of date.")
    ] = False,
) -> None:
    """Remove stored results that no study uses any more."""
    with _console():
        from xaireport.pipeline import run

        removed = run.clean(everything)
        print(f"Removed {removed.artefacts} stored results ({removed.size_bytes / 1e6:.1f} MB).")


@app.command()
def init(
    name: Annotated[
        str, typer.Argument(help="Name of the study: lower-case letters, digits, _ and -, 64 at most.")
    ],
) -> None:
    """Write a study file for your own data into the working folder: NAME.toml."""
    with _console():
        from xaireport.cli import scaffold

        path = scaffold.write(name)
        print(f"Wrote {path}. Fill it in, then: xaireport build {path}")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:  # outside a command: while it is still importing
        raise SystemExit(130) from None


def choose_console(*, as_json: bool = False, quiet: bool = False, why: bool = False) -> Console:
    """Return the console for these options and this standard output."""
    from xaireport.cli.console import JsonConsole, PlainConsole, QuietConsole

    if as_json:
        return JsonConsole()
    if quiet:
        return QuietConsole()
    if not sys.stdout.isatty():
        return PlainConsole(why=why)
    from xaireport.cli.terminal import TerminalConsole

    return TerminalConsole(why=why)


@contextlib.contextmanager
def _console(*, as_json: bool = False, quiet: bool = False, why: bool = False) -> Iterator[Console]:
    """Turn what a user can mend into one line and an exit code."""
    chosen = choose_console(as_json=as_json, quiet=quiet, why=why)
    try:
        yield chosen
    except KeyboardInterrupt:
        chosen.interrupt()
        raise typer.Exit(130) from None
    except XaiReportError as error:
        chosen.fail(error)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from None


@contextlib.contextmanager
def _stdout_kept_for_json(as_json: bool) -> Iterator[None]:
    """Send what libraries print while they work to standard error, so that the document stands alone."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def _finish(console: Console, result: BuildResult) -> None:
    from xaireport.cli.text import has_failed

    console.finish(result)
    if has_failed(result.reports):
        raise typer.Exit(1)
