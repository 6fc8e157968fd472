"""Who prints, from the options: operator, till, and the password out of its file."""

from __future__ import annotations

from drivers import secret_files
from drivers.driver import DeviceError
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.options import Options

MAX_PASSWORD = 8


def clerk_of(options: Options) -> Clerk:
    """A clerk without a password has the factory's of the family. Raises `DeviceError` when the password file cannot be
    used."""
    password = "" if options.password_file is None else _password(options.password_file)
    return Clerk(options.operator, password, options.till)


def _password(path: str) -> str:
    """Raises `DeviceError` when others can read the file or it holds no password."""
    try:
        password = secret_files.content(path, 64).decode("ascii").strip()
    except secret_files.SecretFault as fault:
        raise DeviceError(secret_files.advised(problem(Trouble.BAD_PASSWORD_FILE, what=str(fault)), fault)) from fault
    except UnicodeDecodeError as error:
        raise DeviceError(problem(Trouble.BAD_PASSWORD_FILE, what=f"{path}: it is not ASCII")) from error
    if not 1 <= len(password) <= MAX_PASSWORD or not password.isdigit():
        what = f"{path} holds no password of 1 to {MAX_PASSWORD} digits"
        raise DeviceError(problem(Trouble.BAD_PASSWORD_FILE, what=what))
    return password
