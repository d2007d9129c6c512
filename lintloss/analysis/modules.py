"""Modules: the files of a project, found by import and read only as far as a loss call asks.

What an import names is looked for beside the importing file, in the folders above it and in their `src/`;
what is not found there is a library, known by its dotted name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from lintloss.analysis import words
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.machine import BudgetExceeded, Machine, unknown
from lintloss.analysis.objects import Deferred, Frame, Module
from lintloss.analysis.outline import Outline
from lintloss.analysis.parsed import ParsedFiles
from lintloss.analysis.syntax import NodeOrigin, Unit
from lintloss.analysis.terms import Api, Term, Unknown
from lintloss.analysis.tree import Tree
from lintloss.analysis.words import EVERYTHING, Asked
from lintloss.sources import Source, absolute

MOST_FOLDERS_UP = 12
MOST_IMPORTERS = 12


class Project:
    """The modules that one analysis has reached."""

    def __init__(
        self,
        book: ApiBook,
        root: Path,
        sources: Mapping[str, Source],
        asked: Asked = EVERYTHING,
        parsed: ParsedFiles | None = None,
    ) -> None:
        self._book = book
        self.tree = Tree(sources, root)
        self._modules: dict[str, Module | None] = {}
        self._arriving: set[int] = set()
        self._arrived_terms: dict[Deferred, Term] = {}
        self._outlines: dict[str, Outline] = {}
        self._parsed = parsed or ParsedFiles()
        self._asked = asked
        self.frame: Frame = Frame(None, None)  # type: ignore[arg-type]

    def may_hold_a_site(self, text: str) -> bool:
        """Whether the words of a text allow for any loss call, metric or activation that is asked about."""
        return words.may_hold_a_site(text, words.vocabulary(self._book, self._asked))

    def module_of(self, source: Source) -> Module:
        """The module that a source is."""
        key = absolute(source.filename)
        found = self._modules.get(key)
        if found is None:
            found = self._modules[key] = self._make(source, Path(source.filename))
        return found

    def forget(self) -> None:
        """Drop what running modules has bound; of the parsed code, what was used last is kept."""
        self._modules.clear()
        self._arrived_terms.clear()
        self._parsed.trim()
        self._outlines = {key: each for key, each in self._outlines.items() if self._parsed.holds(key, each.code)}

    def _make(self, source: Source, path: Path) -> Module:
        key = str(path.absolute())
        code = self._parsed.of(key, source)
        outline = self._outlines.get(key)
        if outline is None or outline.code is not code:
            defines = partial(self._defines, path.absolute().parent)
            outline = self._outlines[key] = Outline(code, self._book, self._asked, defines)
        first = code.items[0] if code.items else None
        unit = first if isinstance(first, Unit) else first.unit if first is not None else Unit(source, 1, 1)
        module = Module(path.stem, code, outline)
        object.__setattr__(module, "frame", Frame(module, unit))
        return module

    # -- names -----------------------------------------------------------------------------------------------

    def member(self, machine: Machine, module: Module, name: str) -> Term | None:
        """What `module.name` is: bound by the module, or a module below it."""
        found = module.frame.names.get(name) or self.global_name(machine, module, name)
        if isinstance(found, Deferred):
            found = self.arrived(machine, module, found)
        if found is not None:
            return machine.taken(found)
        below = self._below(Path(module.filename), name)
        return self._open(below) if below is not None else None

    def global_name(self, machine: Machine, module: Module, name: str) -> Term | None:
        """A global of a module that was not run yet: where it is no definition or import, the module is run now."""
        if module.progress:
            return None
        from lintloss.analysis import statements

        outline, frame = module.outline, module.frame
        definitions = outline.definitions.get(name, [])
        if len(definitions) == 1:
            frame.names[name] = statements.define(machine, frame, definitions[0])
            return frame.names[name]
        units = outline.units_saying(name)
        if outline.imports_all or not all(unit.is_of_imports for unit in units) or module in machine.mains:
            self.run(machine, module)
        else:
            for unit in units:
                statements.run_unit(machine, frame, unit)
        return frame.names.get(name)

    def run(self, machine: Machine, module: Module) -> None:
        """Run a module's top level, once, outside the path and scopes of whoever asked."""
        from lintloss.analysis import statements

        if module.progress:
            return
        module.progress.append("running")
        path, scopes, calls = machine.path, machine.scopes, machine.calls
        machine.path, machine.scopes, machine.calls = [], [], []
        known = dict(module.frame.names)
        try:
            statements.run_module(machine, module.frame, module.code)
        except BudgetExceeded:
            module.progress.clear()  # who asks next may have more to spend
            raise
        finally:
            machine.path, machine.scopes, machine.calls = path, scopes, calls
        # Definitions handed out before the run stay the ones that others hold.
        module.frame.names.update(
            {
                name: value
                for name, value in known.items()
                if getattr(module.frame.names.get(name), "code", None) is getattr(value, "code", ...)
            }
        )

    def exported(self, machine: Machine, base: Term) -> dict[str, Term]:
        """What `from base import *` binds."""
        if not isinstance(base, Module):
            return {}
        self.run(machine, base)
        return {name: value for name, value in base.frame.names.items() if not name.startswith("_")}

    def arrived(self, machine: Machine, importer: Module, deferred: Deferred) -> Term:
        """What an import binds, now that it is used: the same term each time."""
        if deferred in self._arrived_terms:
            return self._arrived_terms[deferred]
        if id(deferred) in self._arriving:
            return unknown("imports go in a circle")
        self._arriving.add(id(deferred))
        try:
            value = self._arrived_terms[deferred] = self._arrived(machine, importer, deferred)
            return value
        finally:
            self._arriving.discard(id(deferred))

    def _arrived(self, machine: Machine, importer: Module, deferred: Deferred) -> Term:
        from lintloss.analysis.expressions import attribute_of

        base = self.imported(machine, importer, deferred.path, deferred.level)
        if deferred.name is None:
            return base
        origin = deferred.origin if isinstance(deferred.origin, NodeOrigin) else None
        value = attribute_of(machine, base, deferred.name, origin)
        if isinstance(value, Unknown):
            path = f"{deferred.path}.{deferred.name}" if deferred.path else deferred.name
            nested = self.imported(machine, importer, path, deferred.level)
            return value if isinstance(nested, Api) and deferred.level else nested
        return value

    # -- imports ---------------------------------------------------------------------------------------------

    def imported(self, machine: Machine, importer: Module, path: str, level: int) -> Term:
        """What `import path` (or `from ..path import`) gives: a module of the project or a library."""
        if not level and self._book.knows_root(self._book.canonical(path).split(".")[0]):
            return Api(path)
        found = self._meant(Path(importer.filename).absolute().parent, path, level)
        if found is not None:
            return self._open(found)
        return unknown(f"`{'.' * level}{path}` was not found") if level else Api(path)

    def _meant(self, here: Path, path: str, level: int) -> Path | None:
        """The file or folder that an import by a file in the folder `here` names."""
        return self.tree.search(("import", str(here), path, level), partial(self._search, here, path, level))

    def _search(self, here: Path, path: str, level: int) -> Path | None:
        if level:
            folder = [here, *here.parents][min(level, len(here.parents) + 1) - 1]
            return self._find(folder, path) if path else folder
        return next(filter(None, (self._find(root, path) for root in self._roots(here))), None)

    def _defines(self, here: Path, path: str) -> bool:
        return self.tree.search(("definition", str(here), path), partial(self._is_defined, here, path))

    def _is_defined(self, here: Path, path: str) -> bool:
        """Whether a file of the project defines the function or class that a dotted path means in the folder `here`."""
        module, _, name = path.rpartition(".")
        inner = module.lstrip(".")
        level = len(module) - len(inner)  # one more than that of the import, where that names a module itself
        roots = [here, *here.parents][max(level - 2, 0) : level] if level else self._roots(here)
        found = next(filter(None, (self._find(root, inner) for root in roots)), None) if inner else None
        file = found / "__init__.py" if found is not None and found.suffix != ".py" else found
        source = self.tree.source(file) if file is not None and self.tree.is_file(file) else None
        return source is not None and re.search(rf"(?m)^(?:def|class) {re.escape(name)}\b", source.text) is not None

    def _roots(self, here: Path) -> list[Path]:
        roots: list[Path] = []
        folder = here
        for _ in range(MOST_FOLDERS_UP):
            roots += [folder, folder / "src"]
            if self.tree.is_top(folder) or folder.parent == folder:
                break
            folder = folder.parent
        return roots

    def importers(self, module: Module) -> list[Module]:
        """The files near a module that import it."""
        opened = (self._open(place) for place in self._importing(Path(module.filename).absolute()))
        parsed = (each for each in opened if isinstance(each, Module) and each.code.broken is None)
        return list(islice(parsed, MOST_IMPORTERS))

    def _importing(self, path: Path) -> Iterator[Path]:
        """The files near a file that import it, or a package that has imported it and hands it on; the first first."""
        pending, met = [path], {path}
        while pending:
            current = pending.pop(0)
            for place in self.tree.importers(current):
                if place not in met and self._may_import(place, current):
                    met.add(place)
                    yield place
                    if place.name == "__init__.py":
                        pending.append(place)

    def _may_import(self, place: Path, path: Path) -> bool:
        """Whether a file imports another by what it names: that file, or a package, which may hand on what is its."""
        for name in self.tree.imports_naming(place, path):
            inner = name.lstrip(".")
            found = self._meant(place.parent, inner, len(name) - len(inner))
            if found is not None and (found == path or found.suffix != ".py"):
                return True
        return False

    def _find(self, root: Path, path: str) -> Path | None:
        """The file or package folder that a dotted path names below `root`."""
        place = root.joinpath(*path.split("."))
        file = place.with_name(f"{place.name}.py")
        if self.tree.is_file(file):
            return file
        if self.tree.is_file(place / "__init__.py") or (self.tree.is_folder(place) and self.tree.holds_python(place)):
            return place
        return None

    def _below(self, place: Path, name: str) -> Path | None:
        folder = place.parent if place.name == "__init__.py" else place
        return self._find(folder.absolute(), name) if self.tree.is_folder(folder) else None

    def _open(self, place: Path) -> Term:
        """The module at a path: a file, a package, or a folder that only holds modules."""
        path = self.tree.search(("module", str(place)), partial(self._file_of, place))
        key = str(path)
        if key not in self._modules:
            self._modules[key] = self._load(path)
        found = self._modules[key]
        return found if found is not None else unknown(f"`{place.name}` could not be read")

    def _file_of(self, place: Path) -> Path:
        return place / "__init__.py" if self.tree.is_folder(place) else place

    def _load(self, path: Path) -> Module | None:
        if not self.tree.is_file(path):  # a folder without `__init__.py`
            return self._make(_empty(path), path)
        source = self.tree.source(path)
        return self._make(source, path) if source is not None else None


def _empty(path: Path) -> Source:
    return Source.from_text("", str(path))
