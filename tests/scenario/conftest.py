# SPDX-License-Identifier: MIT
"""What every scenario is given: `start` for programs, `calm` for bystanders, `closing` for clients."""
import contextlib

import pytest

import bystanders
import support

UNHARMED_BYTES = 2 << 20


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Shows the programs' logs where a test failed."""
    report = (yield).get_result()
    if report.failed:
        for number, program in enumerate(getattr(item, "programs", [])):
            lines = program.log.lines
            shown = lines if len(lines) <= 400 else lines[:150] + [f"... {len(lines) - 400} lines ..."] + lines[-250:]
            report.sections.append((f"framerelayd {number}: {' '.join(program.command)}", "\n".join(shown)))


@pytest.fixture
def start(request, tmp_path):
    """Starts the program: start(config, args=…, release=…). Its end is checked after the test."""
    request.node.programs = programs = []

    def begin(config=None, args=(), **options):
        folder = tmp_path / f"program-{len(programs)}"
        folder.mkdir()
        program = support.Program(folder, args, config, **options)
        programs.append(program)
        return program

    yield begin
    try:
        for program in reversed(programs):
            if not program.checked:
                program.stop()
            else:
                program.check_log()
    finally:
        for program in programs:
            program.end()


@pytest.fixture
def closing():
    """closing(client) closes the client when the test is over, before the programs are stopped."""
    with contextlib.ExitStack() as stack:
        def add(client):
            stack.callback(client.close)
            return client
        yield add


@pytest.fixture
def unharmed(start):
    """unharmed(program) before its first client: when they have all gone, it holds as many descriptors as now, and
    (where it is built for release) no more than two MiB of memory more."""
    watched = []

    def begin(program):
        watched.append((program, program.descriptors(), program.rss_bytes()))

    yield begin
    for program, descriptors, rss in watched:
        if program.process.poll() is None and not program.stopping:
            support.wait_for(lambda: program.descriptors() <= descriptors, f"{descriptors} descriptors again")
            grown = program.rss_bytes() - rss
            print(f"memory {grown / 1024:.0f} KiB more than before")
            assert not program.release or grown < UNHARMED_BYTES


@pytest.fixture
def calm():
    """calm(address) watches a healthy stream beside the mischief; it must lose nothing."""
    watched = []

    def begin(address, **options):
        watched.append(bystanders.Bystanders(address, **options))
        return watched[-1]

    yield begin
    try:
        for one in watched:
            one.finish()
    finally:
        for one in watched:
            one.close()
