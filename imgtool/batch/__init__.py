"""Many images: one process each, a journal that survives, and a run that goes on where it was stopped.

manifest.py     what an operator writes, as YAML
values.py       its values, from text
sources.py      paths, patterns and URLs in it
settings.py     an image's own over the defaults -> Task
policies.py     the policies that it names, known by their rules
duplicates.py   images that would be in one another's way
plan.py         manifest -> BatchPlan
wire.py         tasks and records <-> JSON: what goes to a child, and into the journal
journal.py      what was done and how far, in SQLite
journal_file.py its file: made, recognised, opened
lock.py         one run at a time
standing.py     where a batch stands, by its journal
run.py          the story of a batch
schedule.py     how many at once, in which order, and where
cluster.py      on the workers of dask.distributed
cluster_checks.py which cluster, and which of its workers, a batch may use
cluster_work.py what a worker does
cloud_errand.py which images the clouds have, and what killed children left there
wishes.py       whether a batch is to go on
resume.py       what an earlier run did, and is there still
metrics.py      what monitoring reads
attempt.py      one task, attempt by attempt, each in a child
watching.py     one child, until it ends
forks.py        where children come from: the parent's end
fork_server.py  the other end: a process that has loaded everything, and forks
fork_child.py   the first steps of a forked child
child.py        the child's main
assignment.py   what a child is given
work.py         what it does with it
given.py        the source of a task as a file
fetch.py        an image from a URL
staging.py      an output, made beside its place
folders.py      the batch's folder beside the journal
telling.py      what a child tells
"""
