"""From options to a report: opens what was named, measures, and writes the folder."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cca_jax.cli.console import print_line, print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT
from cca_jax.image_io.files import write_atomically
from eval.codecs.conventional import ConventionalCodec, UnavailableError
from eval.codecs.interface import CodecError, ImageCodec
from eval.codecs.ours import OurCodec, our_codecs
from eval.codecs.registry import CODECS, available_codecs, make_codec, unavailable_reason
from eval.rate_distortion.bd_matrix import bd_records
from eval.rate_distortion.curves import PublishedCurve, identify_dataset, published_curves
from eval.rate_distortion.means import mean_records
from eval.rate_distortion.metrics import registry
from eval.rate_distortion.metrics.registry import METRICS, Metric
from eval.report.gather import gather_picture
from eval.report.pictures import Picture
from eval.report.write import build
from eval.results.machine import describe_machine, versions
from eval.results.results import CodecRecord, Data, Results
from eval.runner.images import ImageSource, LoadedImage, evenly_spaced, open_source
from eval.runner.options import ALL, ALWAYS, EXIT_SOME_FAILED, NONE, Options
from eval.runner.plan import Outcome, Plan
from eval.runner.run import run
from eval.runner.store import JOURNAL, Journal, user_cache
from eval.runner.summary import print_efforts, print_means

RESULTS, TABLE = "results.json", "results.csv"
"""Files of a report."""
_IMAGES_ON_PAGE = 300


def evaluate(options: Options) -> int:
    """Measures and reports.

    Returns:
        The exit status: 0, or 1 where some images failed, or 2 where nothing could be measured.

    Raises:
        ValueError, OSError, ImportError: bad input; nothing was written unless the disk is what failed.
    """
    source = open_source(options.data, options.data_dir)
    if Path(options.data).is_dir() and options.out.resolve().is_relative_to(Path(options.data).resolve()):
        raise ValueError(f"{options.out}: lies in {options.data}, where its own pictures would be measured next time")
    metrics = chosen_metrics(options.metrics)
    others = conventional_codecs(options.codecs)
    ours = our_codecs(options.models, options.qualities, options.efforts)
    codecs: list[ImageCodec] = [*ours, *others]
    if len({codec.name for codec in codecs}) < len(codecs):
        raise ValueError("a model has the name of another codec: rename its folder")
    options.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        source=source,
        codecs=codecs,
        estimate=options.estimate,
        machine=describe_machine(),
        journal=Journal(options.out / JOURNAL),
        cache=user_cache() if options.cache else None,
        time_sample=options.time_sample,
        metrics=metrics,
    )
    outcome = run(plan)
    if not outcome.records:
        print_problem(f"{options.data}: nothing could be measured: there is no report")
        return EXIT_BAD_INPUT
    # Published means are of the whole data set: beside those of a part of it they would mean nothing.
    dataset = None if outcome.failures else identify_dataset(source.name, len(source.names))
    published = () if dataset is None else published_curves(dataset)
    results = assemble(plan, outcome, published)
    write_atomically(options.out / RESULTS, results.to_json().encode())
    write_atomically(options.out / TABLE, results.to_csv().encode())
    print_means(results.means)
    print_efforts(results.means, results.bd)
    if plan.cache is not None:
        # Other programs may take minutes a file, and the pictures are made anew with every report.
        others = [plan.cache.keeping_files(codec) if codec.external else codec for codec in others]
    pictures = gather_pictures(source, results, ours, others, options.pictures)
    page = build(on_page(results), options.out, pictures=pictures, published=published)
    print_line(f"{page}: the report")
    return EXIT_SOME_FAILED if results.failures else 0


def on_page(results: Results) -> Results:
    """The results with the records of a few hundred images, evenly spaced: a page of more would not open."""
    names = dict.fromkeys(record.image for record in results.records)
    shown = set(evenly_spaced(list(names), _IMAGES_ON_PAGE))
    if len(shown) == len(names):
        return results
    return results.model_copy(update={"records": tuple(one for one in results.records if one.image in shown)})


def conventional_codecs(names: Sequence[str]) -> list[ConventionalCodec]:
    """The codecs of --codecs; for "all", those that can run here, and a line for each that cannot.

    Raises:
        ValueError: a name is unknown, or its codec cannot run here.
    """
    if tuple(names) == (NONE,):
        return []
    if tuple(names) != (ALL,):
        try:
            return [make_codec(name) for name in names]
        except UnavailableError as error:
            raise ValueError(str(error)) from error
    for name in CODECS:
        if reason := unavailable_reason(name):
            print_problem(f"warning: without {name}: {reason}")
    return available_codecs()


def chosen_metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """The measures of --metrics beside those that are always made; for "all" a line for each that cannot run here.

    Raises:
        ValueError: a name is unknown, or its measure cannot run here.
    """
    if tuple(names) != (ALL,):
        return registry.named([name for name in names if name not in ALWAYS])
    reasons = {name: registry.unavailable_reason(metric) for name, metric in METRICS.items()}
    for name, reason in reasons.items():
        if reason is not None:
            print_problem(f"warning: without {name}: {reason}")
    return registry.named([name for name, reason in reasons.items() if reason is None])


def gather_pictures(
    source: ImageSource, results: Results, ours: Sequence[OurCodec], others: Sequence[ConventionalCodec], count: int
) -> list[Picture]:
    """The images that the report shows, as every codec codes them at one size.

    Args:
        source: the images.
        results: what was measured; images that the first model failed on are not shown.
        ours: the models.
        others: the other codecs.
        count: how many images, evenly spaced over those measured.
    """
    failed = {failure.image for failure in results.failures if failure.codec in (None, ours[0].name)}
    usable = [index for index, name in enumerate(source.names) if name not in failed]
    shown = (_picture(source.load(index), ours, others) for index in evenly_spaced(usable, count))
    return [picture for picture in shown if picture is not None]


def _picture(image: LoadedImage, ours: Sequence[OurCodec], others: Sequence[ConventionalCodec]) -> Picture | None:
    try:
        return gather_picture(image, ours, others)
    except CodecError as error:  # it was coded before: memory that others need by now, say
        print_problem(f"{image.name}: not shown in the report: {error}")
        return None


def assemble(plan: Plan, outcome: Outcome, published: Sequence[PublishedCurve] = ()) -> Results:
    """Everything about a run in one record.

    Args:
        plan: what was to be measured.
        outcome: what was.
        published: curves of the data set, which the means are compared with too.
    """
    means = mean_records(outcome.records)
    codecs = tuple(
        CodecRecord(
            name=codec.name,
            version=codec.version,
            kind=codec.kind,
            external=codec.external,
            setting_name=codec.setting_name,
            settings=codec.settings,
            compile_seconds=outcome.compile_seconds.get(codec.name, 0.0),
        )
        for codec in plan.codecs
    )
    return Results(
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        machine=plan.machine,
        versions=versions() | plan.metric_versions,
        data=Data(name=plan.source.name, count=len(plan.source.names)),
        codecs=codecs,
        records=tuple(outcome.records),
        means=means,
        compile_seconds=sum(codec.compile_seconds for codec in codecs),
        failures=tuple(outcome.failures),
        bd=bd_records(means, published),
        published=tuple(dict.fromkeys(curve.name for curve in published)),
    )
