"""A verb's module that is there and rests on a library that is not."""

import importlib

importlib.import_module("no_such_library")
