# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
import signal


def load() -> None:
    """Let Ctrl-C end a script without a traceback, until `common.main` does its work."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
