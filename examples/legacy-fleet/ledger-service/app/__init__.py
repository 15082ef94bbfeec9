from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ledger-service")
except PackageNotFoundError:  # running from a plain checkout
    __version__ = "0.0.0+checkout"
