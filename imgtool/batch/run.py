"""The run of a batch: what is done is skipped, the rest is done, and each end is noted before the next."""

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from imgtool.batch import cloud_query, metrics, resume, schedule, task_runner, work_folders
from imgtool.batch.journal import Journal, open_journal
from imgtool.batch.monitor import Event, StopSignal
from imgtool.batch.schedule import Workers
from imgtool.model.batch import GOOD_STATES, BatchOptions, BatchPlan, StageRecord, Task, TaskRecord
from imgtool.model.image import FileIdentity
from imgtool.util import interrupts, log


class Watcher(Protocol):
    """Who shows how it goes. `event` comes from several threads."""

    def begin(self, tasks: int, jobs: int) -> None:
        """So many tasks, so many at once."""

    def event(self, task: Task, event: Event) -> None:
        """What the task's child tells: events.py, and `{"attempt": n}`."""

    def ended(self, task: Task, record: TaskRecord) -> None:
        """One task less; also one that an earlier run did."""

    def notice(self, message: str) -> None:
        """What concerns the whole batch."""


def run(plan: BatchPlan, options: BatchOptions, watcher: Watcher) -> tuple[TaskRecord, ...]:
    """Do the plan; what became of each task, in its order. Where it was interrupted, some have not ended.

    Raises UsageError where the journal or the batch's folder cannot be used, or another run is going on.
    """
    with open_journal(options.journal) as journal:
        work = work_folders.work_folder(options.journal)
        work_folders.make(work)
        work_folders.clear_leftovers(work, {task.key for task in plan.tasks}.__contains__)
        batch = _Batch(plan, options, journal, work, watcher)
        try:
            batch.run()
        finally:
            with interrupts.deferred():
                journal.end()
                batch.tell_metrics(ended=time.time())
                work_folders.remove(work, batch.gives_up)
        return tuple(journal.records())


class _Batch:
    def __init__(
        self, plan: BatchPlan, options: BatchOptions, journal: Journal, work: Path, watcher: Watcher
    ) -> None:
        self._plan = plan
        self._options = options
        self._journal = journal
        self._work = work
        self._watcher = watcher
        self._stop_signal = StopSignal(fail_fast=options.fail_fast)
        self._began = time.time()
        self._earlier = {record.key: record for record in journal.records(every=True)}
        self._attempts: dict[str, int] = {}
        self._patience_ends = 0.0
        journal.begin(plan)
        self.tell_metrics()

    def run(self) -> None:
        """Run all tasks until they have ended or were stopped."""
        settings = task_runner.Settings(self._work, schedule.address_space_bytes(), log_level=log.level())
        jobs = self._options.jobs or schedule.default_jobs(self._plan.tasks, self._work)
        workers = schedule.workers(self._options.scheduler, jobs, settings, self._stop_signal, self._hear)
        count = len(self._plan.tasks)
        log.info(__name__, f"{count} images, {workers.jobs} at a time", images=count, jobs=workers.jobs)
        self._watcher.begin(count, workers.jobs)
        try:
            self._work_off(workers)
        finally:
            workers.close()
            if self._left_in_clouds() and self._stop_signal.now != "kill":
                self._look(resume.query(self._plan.tasks, {}, work_folders.uploads_folder(self._work)))
            task_runner.end_children()

    # ------------------------------------------------------------ what is to be done

    def _work_off(self, workers: Workers) -> None:
        running: dict[Future[TaskRecord], Task] = {}
        try:
            left = self._skip_done()
            outputs = {record.output_identity for record in self._earlier.values()}
            for task in schedule.longest_first(left):
                running[workers.submit(task, replace_output=self._is_ours(task, outputs))] = task
            self._collect(running)
            self._tell_of_unbegun()
        except KeyboardInterrupt:
            self._stop(running)

    def _tell_of_unbegun(self) -> None:
        """What --fail-fast has left for another run."""
        if self._stop_signal.begins_no_more:
            count = sum(record.state == "waiting" for record in self._journal.records())
            images = f"{count} image{'s' if count != 1 else ''}"
            self._notice(f"--fail-fast: an image has failed, so {images} did not begin")

    def _skip_done(self) -> list[Task]:
        """The tasks that are left; what is done is noted as skipped."""
        found = {task.key: self._earlier[task.key] for task in self._plan.tasks if task.key in self._earlier}
        query = resume.query(self._plan.tasks, found, work_folders.uploads_folder(self._work))
        there = self._look(query) if query.image_ids or self._left_in_clouds() else {}
        left = []
        for task in self._plan.tasks:
            record = found.get(task.key)
            kept = resume.kept(task, record, there) if record is not None else None
            if kept is not None:
                self._end(task, replace(kept, state="skipped"))
            else:
                left.append(task)
        return left

    def _is_ours(self, task: Task, outputs: Iterable[FileIdentity | None]) -> bool:
        return any(resume.owns(task, identity) for identity in outputs)

    def _left_in_clouds(self) -> bool:
        return any(work_folders.uploads_folder(self._work).glob("*.json"))

    def _look(self, query: cloud_query.CloudQuery) -> dict[str, list[str]]:
        self._notice("looking at what the clouds have")
        return task_runner.run_query(query, self._notice, self._stop_signal.get)

    def _notice(self, message: str) -> None:
        log.info(__name__, message)
        self._watcher.notice(message)

    # ------------------------------------------------------------ while it runs

    def _collect(self, running: dict[Future[TaskRecord], Task]) -> None:
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                with interrupts.deferred():
                    self._take(future, running.pop(future))

    def _take(self, future: Future[TaskRecord], task: Task) -> None:
        try:
            record = future.result()
        except CancelledError:
            return
        except Exception as error:
            record = schedule.lost(task, error)
        self._end(task, self._with_what_is_known(task, record))

    def _with_what_is_known(self, task: Task, record: TaskRecord) -> TaskRecord:
        """A task that failed may have made its output in an earlier run: it stays known as ours."""
        earlier = self._earlier.get(task.key)
        if record.output_identity is not None or earlier is None:
            return record
        return replace(record, output_identity=earlier.output_identity)

    def _end(self, task: Task, record: TaskRecord) -> None:
        self._journal.write(record)
        work_folders.forget(self._work, task.key)
        _log_end(task, record)
        self._watcher.ended(task, record)
        self.tell_metrics()

    def _stop(self, running: dict[Future[TaskRecord], Task]) -> None:
        """The first ^C: what runs may clean up. The second: it is killed."""
        self._stop_signal.interrupt()
        for future in running:
            future.cancel()
        self._notice("stopping: images that are being worked on clean up; ^C again ends them at once")
        try:
            self._collect(running)
        except KeyboardInterrupt:
            self._stop_signal.interrupt()
            with interrupts.deferred():
                self._collect(running)

    def _hear(self, task: Task, event: Event) -> None:
        """Handle an event of a task, in that task's thread."""
        if "log" in event:
            fields = {**event["fields"], "image": task.name}
            log.emit(event["level"], event["logger"], event["log"], fields)
            return
        now = time.time()
        if "attempt" in event:
            log.info(__name__, f"attempt {event['attempt']} begins", image=task.name, key=task.key)
            self._attempts[task.key] = event["attempt"]
            if event["attempt"] == 1:
                known = self._earlier.get(task.key) or TaskRecord(task.key, "waiting")
                self._journal.write(
                    replace(known, state="running", started=now, ended=None, message="", hint="")
                )
        elif "stage" in event:
            log.stage(event["stage"], event["detail"], image=task.name)
            attempt_number = self._attempts.get(task.key, 1)
            self._journal.stage(StageRecord(task.key, attempt_number, event["stage"], event["detail"], now))
        self._watcher.event(task, event)

    def gives_up(self) -> bool:
        """Whether to wait no longer for what others still do: after a second ^C, or for too long."""
        self._patience_ends = self._patience_ends or time.monotonic() + task_runner.STOP_SECONDS
        return self._stop_signal.now == "kill" or time.monotonic() > self._patience_ends

    def tell_metrics(self, ended: float | None = None) -> None:
        """Where they are wanted."""
        if self._options.metrics is not None:
            name = str(self._plan.manifest)
            metrics.write(self._options.metrics, name, self._journal.records(), self._began, ended)


def _log_end(task: Task, record: TaskRecord) -> None:
    message = f"{record.state}: {record.message}" if record.message else record.state
    fields = {"state": record.state, "attempts": record.attempts, "status": record.exit_status}
    level = log.INFO if record.state in GOOD_STATES else log.WARNING
    log.emit(level, __name__, message, {"image": task.name, **fields, "seconds": record.seconds})
