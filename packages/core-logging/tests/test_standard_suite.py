"""CPython's own tests of `logging`, run on our loggers."""

import subprocess
import sys
import textwrap

import pytest

SUITES = [
    "BuiltinLevelsTest", "BasicFilterTest", "CustomLevelsAndFiltersTest", "StreamHandlerTest",
    "MemoryHandlerTest", "ManagerTest", "ChildLoggerTest", "DerivedLogRecordTest", "LogRecordFactoryTest",
    "LastResortTest", "FakeHandler", "LogRecordTest", "BasicConfigTest", "LoggerAdapterTest", "LoggerTest",
    "FormatterTest", "ModuleLevelMiscTest", "ExceptionTest", "AssertErrorMessage",
]  # fmt: skip

PROGRAM = """
    import logging, sys, unittest
    import test.test_logging as suite
    from maestro_core_logging import _logger, debug_ring, get_logger

    original = logging.Manager.getLogger

    def get_extended(manager, name):
        logger = original(manager, name)
        if manager is logging.Logger.manager and not isinstance(logger, _logger.Logger):
            _logger._extend_class(logger, type(logger))
        return logger

    logging.Manager.getLogger = get_extended
    get_logger()
    if {rings}:
        with debug_ring():
            pass
    names = [name for name in {suites} if isinstance(getattr(suite, name, None), type)]
    tests = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(getattr(suite, name))
                               for name in names if issubclass(getattr(suite, name), unittest.TestCase))
    result = unittest.TextTestRunner(verbosity=0).run(tests)
    assert isinstance(logging.getLogger("x"), _logger.Logger) and result.testsRun > 80, result
    sys.exit(not result.wasSuccessful())
"""


@pytest.mark.parametrize("rings", [False, True])
def test_the_standard_library_s_own_tests_pass_on_our_loggers(rings):
    """Every logger made during them is one of ours, with and without debug rings in place."""
    found = subprocess.run([sys.executable, "-c", "import test.test_logging"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip("this Python was installed without the standard library's tests (Debian: libpython3-testsuite)")
    program = textwrap.dedent(PROGRAM).format(suites=SUITES, rings=rings)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
