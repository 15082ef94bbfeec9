"""Context fields follow the work and stay out of everything beside it."""

import asyncio
import contextvars
import inspect
import io
import json
import threading

import pytest
import structlog

from maestro_core_logging import configure_logging, current_context, get_logger, log_context


def test_blocks_nest_and_give_back():
    """The inner value wins; afterwards the outer one is back."""
    with log_context(a=1, b=2):
        with log_context(b=3, c=4):
            assert current_context() == {"a": 1, "b": 3, "c": 4}
        assert current_context() == {"a": 1, "b": 2}
    assert current_context() == {}


def test_an_exception_takes_the_fields_back_too():
    """And passes on."""
    with pytest.raises(ValueError), log_context(a=1):
        raise ValueError
    assert current_context() == {}


def test_as_a_decorator_it_binds_for_each_call():
    """Recursion included."""

    @log_context(job="nightly")
    def run(depth):
        seen.append(dict(current_context()))
        if depth:
            run(depth - 1)

    seen = []
    run(2)
    assert seen == [{"job": "nightly"}] * 3
    assert current_context() == {}


async def test_as_a_decorator_of_a_coroutine_function_it_binds_while_that_is_awaited():
    """It bound for no line: the call only makes the coroutine. Calls beside each other have their own."""

    @log_context(job="nightly")
    async def run(step):
        """Run a step."""
        with log_context(step=step):
            await asyncio.sleep(0)
            return dict(current_context())

    assert inspect.iscoroutinefunction(run)
    assert run.__doc__ == "Run a step."
    made = run(0)
    assert current_context() == {}
    assert await asyncio.gather(made, run(1)) == [{"job": "nightly", "step": step} for step in (0, 1)]
    assert current_context() == {}


def test_a_block_may_be_entered_again():
    """Inside itself too."""
    job = log_context(job="nightly")
    for _ in range(2):
        with job, job:
            assert current_context() == {"job": "nightly"}
        assert current_context() == {}


async def test_tasks_threads_and_groups_inherit_and_do_not_leak():
    """Tasks see what was bound when they started; what they bind stays theirs."""
    seen = {}

    async def work(name):
        with log_context(task=name):
            await asyncio.sleep(0)
            seen[name] = dict(current_context())
            seen[f"{name} in a thread"] = await asyncio.to_thread(lambda: dict(current_context()))

    with log_context(request_id="r1"):
        async with asyncio.TaskGroup() as group:
            group.create_task(work("a"))
            group.create_task(work("b"))
        assert current_context() == {"request_id": "r1"}
    for name in ("a", "b"):
        assert seen[name] == seen[f"{name} in a thread"] == {"request_id": "r1", "task": name}


def test_other_threads_start_empty():
    """A thread of its own is not part of the request."""
    seen = []
    with log_context(a=1):
        thread = threading.Thread(target=lambda: seen.append(dict(current_context())))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_a_generator_closed_elsewhere_does_no_harm():
    """Frameworks close generator dependencies from another context."""

    def dependency():
        with log_context(a=1):
            yield

    generator = dependency()
    contextvars.copy_context().run(next, generator)
    with log_context(b=2):
        generator.close()
        assert current_context() == {"b": 2}
    assert current_context() == {}


def test_structlog_s_own_context_is_on_the_lines_too():
    """`structlog.contextvars.bind_contextvars` and `log_context` are one context to a reader of the log."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    with structlog.contextvars.bound_contextvars(tenant="acme", request_id="theirs"), log_context(request_id="r1"):
        get_logger("svc").info("x")
    line = json.loads(stream.getvalue())
    assert (line["tenant"], line["request_id"]) == ("acme", "r1")


def test_context_is_on_the_line_and_not_on_the_record(caplog):
    """`caplog` and users' handlers see the records they always saw."""
    import logging

    logging.getLogger().addHandler(caplog.handler)
    with log_context(request_id="r1"):
        get_logger("svc").warning("x")
    assert not hasattr(caplog.records[0], "request_id")
