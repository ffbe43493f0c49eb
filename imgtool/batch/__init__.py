"""Many images: one process each, a journal that survives, and a run that resumes where it was stopped.

The plan:
    manifest.py      what an operator writes, as YAML; values.py: its values, from text
    sources.py       paths, patterns and URLs in it
    settings.py      an image's own settings over the defaults -> Task; policies known by their rules
    plan.py          manifest -> BatchPlan; images that would be in one another's way

The run:
    run.py           the whole of a batch
    schedule.py      how many at once, in which order, and where
    resume.py        what an earlier run did, and is there still
    cloud_query.py   which images the clouds have, and what killed workers left there
    journal.py       what was done and how far, in SQLite; journal_file.py: its file, and its lock
    status.py        how far a batch is, by its journal
    metrics.py       what monitoring reads
    work_folders.py  the batch's folder beside the journal
    dask_client.py   on the workers of dask.distributed: dask_checks.py (which may be used), dask_worker.py

One task:
    task_runner.py   attempt by attempt, each in a worker process
    monitor.py       one worker, until it ends; whether the batch is to go on
    forks.py         where workers come from
    fork_child.py    the process that has loaded everything, and the first steps of what it forks
    task_context.py  what a worker is given; records.py: what it gives back, as JSON
    worker.py        the worker's main; task.py: what it does; events.py: what it tells
    staging.py       an output, made beside its place
"""
