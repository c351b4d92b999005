# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels that the machine boots: Debian's, fetched once into the cache, or a file of one's own."""

import bz2
import difflib
import contextlib
import gzip
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

from . import cache, debian
from .failed import Failed, Unavailable

DEFAULT = "debian:7.3"
# Where Debian's kernels are, the oldest first; each has its own.
SUITES = ("bookworm", "bookworm-backports", "trixie", "trixie-backports", "sid")
WANTED = ("kvm", "kvm-intel", "kvm-amd")
PACKERS = {".ko": bytes, ".ko.xz": lzma.decompress, ".ko.gz": gzip.decompress, ".ko.bz2": bz2.decompress}
SYMBOLS = ".symbols"    # of a module, beside it
DEFAULT_OPTIONS = "enable_mediated_pmu=1"


@dataclass
class Kernel:
    """A bzImage, and the paths of its modules by name; none where KVM is built in."""
    name: str
    image: str
    modules: dict = field(default_factory=dict)
    read: dict = field(default_factory=dict)    # data of modules by name

    def module_words(self, vendor):
        """The modules to load for a processor of @vendor, in their order."""
        words = []

        def add(name):
            for each in self.depends(name):
                add(each)
            if name not in words:
                words.append(name)

        for name in ("kvm", f"kvm-{vendor}"):
            if name in self.modules:
                add(name)
        return words

    def data(self, name):
        if name not in self.read:
            with open(self.modules[name], "rb") as file:
                self.read[name] = unpacked(self.modules[name], file.read())
        return self.read[name]

    def symbols(self, name):
        """(section, offset, function) of a module."""
        path = os.path.splitext(self.modules[name])[0] + SYMBOLS
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        else:
            lines = functions(self.data(name))
        for line in lines:
            section, offset, function = line.split()
            yield section, int(offset, 16), function

    def built(self, name):
        """A file of the build that the image is from, or None: scripts/machine kernel's, or kbuild's own."""
        top = os.path.dirname(os.path.abspath(self.image))
        for directory in (os.path.join(top, "build"), os.path.join(top, "../../..")):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                return path
        return None

    def depends(self, name):
        return [each for each in depends(self.data(name)) if each in self.modules]

    def parameters(self, name):
        return {text.split(":")[0] for text in modinfo(self.data(name), "parmtype")}

    def options(self, text, vendor):
        """(options by module, words for the command line) of --kvm's @text; None is what is usual. "?NAME=VALUE": where
        there is such an option."""
        given = (DEFAULT_OPTIONS if text is None else text).split()
        by_module, words = {}, []
        loaded = self.module_words(vendor)
        for each in given:
            may_lack, each = text is None or each.startswith("?"), each.removeprefix("?")
            if "=" not in each:
                raise Failed(f"--kvm: '{each}' is no option; one is NAME=VALUE, as in enable_mediated_pmu=1")
            name = each.split("=")[0]
            if not loaded:
                words += [each] if "." in name else [f"{module}.{each}" for module in ("kvm", f"kvm_{vendor}")]
                continue
            takers = [module for module in loaded if name in self.parameters(module)]
            if not takers and may_lack:
                continue
            if not takers:
                have = sorted(set().union(*(self.parameters(module) for module in loaded if "kvm" in module)))
                like = difflib.get_close_matches(name, have, 5, 0.5)
                raise Failed(f"--kvm: KVM of {self.image} has no option '{name}'"
                             + (f"; like it are {', '.join(like)}" if like else "") + "; modinfo kvm kvm_intel kvm_amd lists all")
            for module in takers:
                by_module.setdefault(module, []).append(each)
        return by_module, words


def applied(linux, text, vendor):
    """What of --kvm's @text this kernel takes, a list of "NAME=VALUE"."""
    by_module, words = linux.options(text, vendor)
    return sorted(set(words).union(*by_module.values()))


def named(options):
    """applied(), in words."""
    return " ".join(options) or "its defaults"


def modinfo(data, key):
    """Values of @key in a module's .modinfo."""
    return [each.decode("utf-8", "replace") for each in re.findall(rb"\0" + key.encode() + rb"=([^\0]*)", data)]


def functions(data):
    """Lines "SECTION OFFSET FUNCTION" of a module; none without objdump."""
    if not shutil.which("objdump"):
        return []
    with tempfile.NamedTemporaryFile(suffix=".ko") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(["objdump", "-t", file.name], stdout=subprocess.PIPE, text=True, check=False)
    found = re.findall(r"^([0-9a-f]+) (.{7}) (\.\S*text\S*)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", done.stdout, re.M)
    # Of what is no function only names that other files know: an entry in the middle of one.
    return [f"{section} {offset} {name}" for offset, flags, section, name in found
            if flags[6] == "F" or flags[0] == "g"]


def canonical(name):
    return name.replace("_", "-")


def depends(data):
    return [canonical(each) for text in modinfo(data, "depends") for each in text.split(",") if each]


def unpacked(name, data):
    return PACKERS[re.search(r"\.ko(\.\w+)?$", name)[0]](data)


def module_name(path):
    found = re.fullmatch(r"(.+?)\.ko(\.xz|\.gz|\.bz2)?", os.path.basename(path))
    return canonical(found[1]) if found else None


def is_image(path):
    return os.path.basename(path).startswith("vmlinuz")


def of_directory(directory):
    """name: path of the modules that KVM needs, in @directory and below."""
    paths = {}
    for top, _, files in os.walk(directory):
        for each in files:
            name = module_name(each)
            if name:
                paths[name] = os.path.join(top, each)
    if "kvm" not in paths:
        raise Failed(f"--modules {directory}: there is no kvm.ko in it, nor kvm.ko.xz, .gz or .bz2")
    return paths


def own(image, modules):
    try:
        with open(image, "rb") as file:
            file.seek(0x202)
            magic = file.read(4)
    except OSError as error:
        raise Failed(f"--kernel {image}: {error.strerror}; it is debian:VERSION or a bzImage") from error
    if magic != b"HdrS":
        raise Failed(f"--kernel {image}: that is no bzImage (arch/x86/boot/bzImage of a built tree)")
    return Kernel(os.path.basename(image), image, of_directory(modules) if modules else {})


def version_key(name):
    return [int(number) for number in re.findall(r"\d+", name.split("-cloud")[0])]


def find_package(version):
    """(package, suite) of Debian's cloud kernel of @version: the first suite that has it, its newest."""
    pattern = re.compile(rf"linux-image-{re.escape(version)}[.+-][0-9a-z.+-]*cloud-amd64")
    looked = set()
    for suite in SUITES:
        names = debian.names("linux-image-", [suite])
        fitting = [name for name in names if pattern.fullmatch(name)]
        if fitting:
            return max(fitting, key=version_key), suite
        looked |= {match[1] for name in names
                   if (match := re.match(r"linux-image-(\d+\.\d+).*cloud-amd64$", name))}
    known = ", ".join(f"debian:{each}" for each in sorted(looked, key=version_key))
    raise Unavailable(f"Debian has no kernel {version} for this; it has {known or 'none'}")


def source(version):
    """The path of the package with the source of debian:@version, of the suite that its kernel is from."""
    return debian.fetch(f"linux-source-{version}", [find_package(version)[1]])


def store(packages, directory):
    """vmlinuz and KVM's modules with what they depend on."""
    want, have, images = set(WANTED), {}, []
    while missing := want - set(have):
        before = len(have)
        for package in packages:
            for path, data in debian.members(package, lambda path: module_name(path) in missing or
                                             (is_image(path) and not images)):
                if is_image(path):
                    images.append(data)
                else:
                    have[module_name(path)] = unpacked(path, data)
        for data in have.values():
            want |= set(depends(data))
        if len(have) == before:
            break
    if not images or "kvm" not in have:
        raise Failed(f"{os.path.basename(packages[0])} has no kernel with KVM in it")
    os.makedirs(os.path.join(directory, "modules"))
    with open(os.path.join(directory, "vmlinuz"), "wb") as file:
        file.write(images[0])
    for name, data in have.items():
        path = os.path.join(directory, "modules", name + ".ko")
        with open(path, "wb") as file:
            file.write(data)
        with open(os.path.splitext(path)[0] + SYMBOLS, "w", encoding="utf-8") as file:
            file.write("\n".join(functions(data)))
        # Symbols that nothing refers to cost seconds of an emulated processor.
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", path], check=False)


def of_debian(version):
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        raise Failed(f"--kernel debian:{version}: a version is numbers, as in debian:7.3")
    top = os.path.join(cache.top(), "kernels")
    with cache.locked(top, "another fetch of a kernel"):
        return fetched(version, top)


def fetched(version, top):
    link = os.path.join(top, f"debian-{version}")
    directory = os.path.realpath(link)
    # One that an older version of this kept has no symbols, which only profiles need.
    if not os.path.exists(os.path.join(directory, "modules", "kvm" + SYMBOLS)):
        try:
            directory = fetch(version, top, link)
        except Unavailable:
            if not os.path.exists(os.path.join(directory, "vmlinuz")):
                raise
    return Kernel(os.path.basename(directory), os.path.join(directory, "vmlinuz"),
                  of_directory(os.path.join(directory, "modules")))


def fetch(version, top, link):
    """The directory of Debian's kernel of @version, to which @link leads afterwards."""
    name, suite = find_package(version)
    packages = [debian.fetch(name, [suite])]
    packages += [debian.fetch(each, [suite]) for each in debian.depends(packages[0])
                 if each.startswith(("linux-binary-", "linux-modules-"))]
    directory = os.path.join(top, name.removeprefix("linux-image-"))
    making = f"{directory}.making"
    shutil.rmtree(making, ignore_errors=True)       # of a run that was killed
    try:
        store(packages, making)
        shutil.rmtree(directory, ignore_errors=True)
        os.rename(making, directory)
    except OSError as error:
        raise Failed(f"{error.filename or top}: {error.strerror}; RDPMC_CACHE= says where else") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(link)
    os.symlink(os.path.basename(directory), link)
    for package in packages:
        with contextlib.suppress(OSError):
            os.unlink(package)
    return directory


def kernel(text, modules):
    kind, colon, version = text.partition(":")
    if colon and kind == "debian":
        if modules:
            raise Failed("--modules is for a kernel of your own; Debian's bring theirs")
        return of_debian(version)
    return own(text, modules)
