"""Builds stateprint._core. Everything else about the package stands in pyproject.toml.

Environment: STATEPRINT_WERROR=1 (warnings are errors), SANITIZE=address,undefined (or thread), COVERAGE=1 (gcov), LIMITED=1 (stable ABI of
Python 3.11), DEBUG=1 (no optimisation)."""

import glob
import os
import sys
import tempfile
import tomllib

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZE = os.environ.get("SANITIZE", "")
COVERAGE = os.environ.get("COVERAGE") == "1"
LIMITED = os.environ.get("LIMITED") == "1"
DEBUG = os.environ.get("DEBUG") == "1"
LINUX = sys.platform.startswith("linux")

CHECKS = {
    "Python.h": "#include <Python.h>\n#if PY_VERSION_HEX < 0x030b0000\n#error old\n#endif\n",
    "jansson.h (2.14 or later)": "#include <jansson.h>\n#if JANSSON_VERSION_HEX < 0x020e00\n#error old\n#endif\n",
    "xxhash.h (0.8.0 or later)": "#include <xxhash.h>\n#if XXH_VERSION_NUMBER < 800\n#error old\n#endif\n",
}
HELP = """stateprint: can't build the C core, as the compiler did not find: {missing}

Install the headers, then build again:
  Debian, Ubuntu   apt-get install gcc python3-dev libjansson-dev libxxhash-dev
  Fedora           dnf install gcc python3-devel jansson-devel xxhash-devel
  macOS            brew install jansson xxhash
"""


def version() -> str:
    try:
        with open(os.path.join(HERE, "pyproject.toml"), "rb") as f:
            return tomllib.load(f)["project"]["version"]
    except (OSError, KeyError):
        return "0"


def homebrew(part: str) -> list[str]:
    places = (f"/opt/homebrew/{part}", f"/usr/local/{part}")
    return [p for p in places if os.path.isdir(p)] if sys.platform == "darwin" else []


def flags() -> tuple[list[str], list[str]]:
    cc = ["-std=gnu11", "-O0" if DEBUG else "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-fvisibility=hidden", "-pthread"]
    # A hash is two words that were just made: moved as one vector it waits for both (docs/performance.md).
    cc.append("-fno-tree-slp-vectorize")
    ld = ["-pthread"]
    if os.environ.get("STATEPRINT_WERROR") == "1":
        cc.append("-Werror")
    if SANITIZE:
        cc += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
        ld.append(f"-fsanitize={SANITIZE}")
    elif not DEBUG and not COVERAGE:
        cc += ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"]
    if COVERAGE:
        cc += ["--coverage", "-g"]
        ld.append("--coverage")
    if LINUX:
        ld += ["-Wl,-z,relro,-z,now", "-Wl,--exclude-libs,ALL"]
    return cc, ld


class Build(build_ext):
    def build_extensions(self) -> None:
        cc = [f for f in self.extensions[0].extra_compile_args if f != "--coverage"]
        ok = self.compiles("".join(CHECKS.values()), cc)
        missing = [] if ok else [name for name, text in CHECKS.items() if not self.compiles(text, cc)]
        if missing:
            raise SystemExit(HELP.format(missing=", ".join(missing)))
        super().build_extensions()

    def compiles(self, text: str, cc: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "check.c")
            with open(path, "w") as f:
                f.write(text + "int stateprint_check;\n")
            keep = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
            try:  # what the compiler says about the check would only hide our message
                os.dup2(null, 2)
                include = self.include_dirs + self.extensions[0].include_dirs
                self.compiler.compile([path], output_dir=tmp, include_dirs=include, extra_preargs=cc)
            except Exception:  # CompileError, or no compiler at all
                return False
            finally:
                os.dup2(keep, 2)
                os.close(keep)
                os.close(null)
        return True


def rel(pattern: str) -> list[str]:
    return sorted(os.path.relpath(p, HERE) for p in glob.glob(os.path.join(HERE, pattern)))


compile_args, link_args = flags()
macros: list[tuple[str, str | None]] = [("STATEPRINT_VERSION", f'"{version()}"')]
if LIMITED:
    macros.append(("Py_LIMITED_API", "0x030B0000"))

setup(
    package_dir={"": "python"},
    ext_modules=[
        Extension(
            "stateprint._core",
            sources=rel("csrc/*.c") + rel("csrc/binding/*.c"),
            depends=rel("csrc/*.h") + rel("csrc/*.def") + rel("csrc/binding/*.h"),
            include_dirs=["csrc", *homebrew("include")],
            library_dirs=homebrew("lib"),
            libraries=["jansson"],
            define_macros=macros,
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            py_limited_api=LIMITED,
        )
    ],
    cmdclass={"build_ext": Build},
)
