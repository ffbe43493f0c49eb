"""scripts/fuzz: mutated images, file systems and files through the parsers of imgtool. The map:

    cli.py       the options, and the story from them to the last line
    model.py     the data that flows: Seed, Edit, Case, Target, Find
    mutant.py    a seed with edits applied, as bytes or as a stream over a disk
    mutate.py    makes edits: of numbers and pointers (binary.py), of words and lines (words.py)
    places.py    where in a seed the edits go: what its reader reads, and not zeros
    worker.py    the process that runs inputs, one after the other, within limits.py
    judge.py     what became of one input
    plan.py      who gets how much of a run
    run.py       starts workers, watches their deadline, collects what they find
    minimise.py  makes a find smaller
    corpus.py    keeps finds as files, and reads them again
    qemu.py      the judge: what QEMU reads from an image that passed
    seeds.py     what mutants are made of: fixtures, and files that the recipes and tools make
    targets/     one file a format: its seeds, and what is done with a mutant

What has to hold of every input: the documented result or an expected error; nothing else is raised, no
deadline is passed, no more memory is taken than MEMORY_BYTES, and of an image that passes, QEMU reads the
same bytes. An outcome that was not seen before makes its input a seed of its own.
"""
