"""Plans: what leads from the definitions in force to others, step by step, and what that means for rows in place."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace

from peewee import fn

from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Change
from backend.services.definitions.renames import find_renames
from backend.services.definitions.surveys import Survey
from backend.services.errors import Invalid
from backend.services.field_types.wire import MAX_FORMER_NAMES

SHOWN_IDS = 5
RULES = ("readable_by", "writable_by")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a plan, in words and as data.

    `records` counts the rows in place that lose a value by it (`loses_data`) or stand against it (`impossible`), and
    `ids` are the first of them.
    """

    action: str
    resource: str
    subject: str | None = None
    text: str
    loses_data: bool = False
    impossible: bool = False
    records: int = 0
    ids: list = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """Changes, and the steps they take; `renamed` has the new name of each resource that is renamed by the old one."""

    changes: list
    steps: list
    renamed: dict = field(default_factory=dict)

    @property
    def loses_data(self):
        """Whether somebody has to confirm it."""
        return any(step.loses_data for step in self.steps)

    @property
    def is_possible(self):
        """Whether the rows in place let it happen."""
        return not any(step.impossible for step in self.steps)

    @property
    def fingerprint(self):
        """What stands for this plan when it is confirmed: another one has another.

        Numbers of rows are left out, or a plan could never be confirmed while people work.
        """
        pairs = [(change.old, change.new) for change in self.changes]
        told = [[each and [each.name, each.to_dict()] for each in pair] for pair in pairs]
        told.append([(step.action, step.resource, step.subject) for step in self.steps if step.loses_data])
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def in_words(self, mark):
        """Return the texts of the steps that are marked so: `loses_data` or `impossible`."""
        return " ".join(f"{step.resource}: {step.text}" for step in self.steps if getattr(step, mark))

    def outcome(self, definitions):
        """Return the definitions in force after the plan, by name, given those before it."""
        replaced = {change.old.name for change in self.changes if change.old}
        kept = {name: each for name, each in definitions.items() if name not in replaced}
        return kept | {change.new.name: change.new for change in self.changes if change.new}

    def to_dict(self):
        """Return the plan as it is shown."""
        steps = [asdict(step) for step in self.steps]
        return {
            "steps": steps,
            "loses_data": self.loses_data,
            "possible": self.is_possible,
            "fingerprint": self.fingerprint,
        }


def make_plan(definitions, wanted, dropped=()):
    """Return the Plan from `definitions` to those `wanted`, both by name; what neither wants nor drops stays.

    A wanted resource takes the place of one that it names as its former name. References in resources that are not
    wanted follow a rename.
    """
    former = _renamed_resources(definitions, wanted, dropped)
    renamed = {old: new for new, old in former.items()}
    changes = [Change(definitions[name], None) for name in dropped if name in definitions and name not in renamed]
    for name, definition in definitions.items():
        if name not in renamed and name not in wanted and name not in dropped:
            followed = _follow(definition, renamed)
            changes += [Change(definition, followed)] if followed is not definition else []
    declared = []
    for name, definition in wanted.items():
        before = former.get(name, None if name in renamed else name)
        declared.append(Change(definitions.get(before), definition))
    _refuse_wrong_renames(declared)  # before names that are known already are added to those that were declared
    changes += [
        change if change.old is None else Change(change.old, _with_former_names(change.old, change.new))
        for change in declared
    ]
    steps = [step for change in changes for step in _Planner(change, renamed, definitions).steps()]
    # What is declared in other words only is no change.
    changed = {step.resource for step in steps}
    return Plan([change for change in changes if change.name in changed], steps, renamed)


def _renamed_resources(definitions, wanted, dropped):
    """Return {new name: old name} of the resources that are renamed; raise Invalid keyed by resource."""
    old = {name: definition.former_names for name, definition in definitions.items()}
    new = {name: [] for name in definitions if name not in dropped}
    for name, definition in wanted.items():
        # A resource that is new here has no former name: the same file is for databases that have had it, too.
        is_new = name not in old and not set(definition.former_names) & set(old)
        new[name] = [] if is_new else definition.former_names
    origins, problems = find_renames("resource", old, _without_those_that_move(new, wanted))
    for name in origins:
        if name in old and name not in origins.values():
            problems[name] = f"There is a resource {name} already; drop or rename it first."
    if problems:
        raise Invalid({name: {"renamed_from": [problem]} for name, problem in problems.items()})
    return origins


def _without_those_that_move(new, wanted):
    """Return the names that are declared, without those of before that another one takes over and nobody declares."""
    taken = {each for name, former in new.items() if name in wanted for each in former}
    return {name: former for name, former in new.items() if name in wanted or name not in taken}


def _refuse_wrong_renames(changes):
    problems = {
        change.name: {"fields": {name: {"renamed_from": [problem]} for name, problem in change.problems.items()}}
        for change in changes
        if change.problems
    }
    if problems:
        raise Invalid(problems)


def _follow(definition, renamed):
    """Return the definition with its references to what is renamed."""
    following = {
        name: replace(kind, to=renamed[kind.to]) for name, kind in definition.references.items() if kind.to in renamed
    }
    return replace(definition, fields=definition.fields | following) if following else definition


def _with_former_names(old, new):
    """Return the definition with all former names known: a database that is some versions behind follows them all."""
    origins = Change(old, new).origins
    fields = {
        name: replace(kind, renamed_from=_chain(name, origins[name], kind, old.fields[origins[name]]))
        if name in origins
        else kind
        for name, kind in new.fields.items()
    }
    return replace(new, fields=fields, renamed_from=_chain(new.name, old.name, new, old))


def _chain(name, origin, now, was):
    """Return the former names, the latest first; None for none."""
    names = [*([] if origin == name else [origin]), *now.former_names, *was.former_names]
    return [each for each in dict.fromkeys(names) if each != name][:MAX_FORMER_NAMES] or None


class _Planner:
    """Finds the steps of one Change."""

    def __init__(self, change, renamed, definitions):
        self.change, self.renamed, self.definitions = change, renamed, definitions
        self.old, self.new = change.old, change.new
        self.model = self.old and build_model(self.old, database.obj)
        self.found = []

    def steps(self):
        """Return the Steps."""
        if self.old is None:
            self._say("create_resource", f"Create the resource {self.new.name}.")
        elif self.new is None:
            count, ids = self._rows()
            self._say("drop_resource", f"Drop the resource {self.old.name}{_with(count)}.", lost=(count, ids))
        else:
            if self.new.name != self.old.name:
                self._say("rename_resource", f"Rename the resource {self.old.name} to {self.new.name}.")
            self._fields_that_come_and_go()
            for name, origin in self.change.origins.items():
                self._field(name, self.old.fields[origin], self.new.fields[name])
            self._sets()
            self._index_limits()
            self._survey()
            self._rest()
        return self.found

    def _say(self, action, text, subject=None, *, lost=(0, []), against=(0, [])):
        (count, ids), loses, impossible = (against if against[0] else lost), lost[0] > 0, against[0] > 0
        self.found.append(
            Step(
                action=action,
                resource=self.change.name,
                subject=subject,
                text=text,
                loses_data=loses,
                impossible=impossible,
                records=count,
                ids=ids,
            )
        )

    def _rows(self, condition=None):
        """Return how many rows meet a condition, and the first of their ids."""
        key = column(self.model, "id")
        count, ids = self.model.select(fn.COUNT(key)), self.model.select(key).order_by(key).limit(SHOWN_IDS)
        if condition is not None:
            count, ids = count.where(condition), ids.where(condition)
        total = database.execute(count).fetchall()[0][0]
        return total, [str(each) for (each,) in database.execute(ids).fetchall()] if total else []

    def _fields_that_come_and_go(self):
        for name in self.change.dropped:
            lost = self._rows(column(self.model, name).is_null(False))
            self._say("drop_field", f"Drop the field {name}{_with(lost[0], 'its values in ')}.", name, lost=lost)
        for name, origin in self.change.renamed:
            self._say("rename_field", f"Rename the field {origin} to {name}.", name)
        for name, kind in self.change.added.items():
            wants = kind.required and kind.default is None
            against = self._rows() if wants else (0, [])
            text = f"Add the field {name}"
            if against[0]:
                text += f": it is required, and {_records(against[0])} would have no value"
            elif kind.default is not None:
                text += f", with {_shown(kind.default)} in the records in place"
            self._say("add_field", text + ".", name, against=against)

    def _field(self, name, was, now):
        before, after = was.to_dict(), now.to_dict()

        def differ(*options):
            return any(before.get(option) != after.get(option) for option in options)

        if (
            was.name == now.name
            and name not in self.change.converted
            and was.constraints != now.constraints
            and not now.narrows(was)
        ):
            self._say("change_constraints", f"Take more values of {name} than before.", name)
        if was.required != now.required:
            self._requirement(name, now)
        if differ("default"):
            self._say("change_default", f"Change the default of {name} for new records.", name)
        if name in self.new.references and self.change.origins[name] in self.old.references:
            self._reference(name, was, now)
        if differ(*RULES):
            self._say("change_rules", f"Change who may read or write {name}.", name)
        if differ("description"):
            self._say("describe", f"Describe {name} anew.", name)

    def _reference(self, name, was, now):
        if was.on_delete != now.on_delete:
            self._say("change_on_delete", f"Do `{now.on_delete}` with {name} when its target is deleted.", name)
        if was.to != now.to and self.renamed.get(was.to) == now.to:
            self._say("follow_rename", f"Let {name} refer to {now.to}, as {was.to} is called now.", name)

    def _requirement(self, name, now):
        if not now.required:
            self._say("allow_null", f"Let {name} be without a value.", name)
            return
        without = self._rows(column(self.model, self.change.origins[name]).is_null())
        if now.default is not None:
            text = f"Require {name}, with {_shown(now.default)} where there is no value."
            self._say("require", text, name)
        else:
            missing = f", without a value in {_records(without[0])}" if without[0] else ""
            self._say("require", f"Require {name}{missing}.", name, against=without)

    def _sets(self):
        """Indexes, and what need not be unique any more; what is to be unique is for the survey."""
        before = {"unique": self.old.unique_sets(), "index": self.old.index_sets()}
        after = {"unique": self.new.unique_sets(), "index": self.new.index_sets()}
        for kind, word in (("unique", "unique"), ("index", "indexed")):
            stays = {self.change.before(each) for each in after[kind]}
            for each in before[kind]:
                if each not in stays and not set(each) <= set(self.change.dropped):
                    self._say(f"drop_{kind}", f"Let {_list(each)} no longer be {word}.", ", ".join(each))
        for each in after["index"]:
            if self.change.before(each) not in before["index"] and not self._comes_with_field(each):
                self._say("add_index", f"Index {_list(each)}.", ", ".join(each))

    def _index_limits(self):
        """Texts in place that are too long for an index they would be in from now on."""
        before = self.old.indexed_bytes
        for name, most in self.new.indexed_bytes.items():
            origin = None if name in self.change.converted else self.change.origins.get(name)
            if origin and self.old.fields[origin].may_outgrow_index and before.get(origin, most + 1) > most:
                against = self._rows(fn.OCTET_LENGTH(column(self.model, origin)) > most)
                if against[0]:
                    text = f"Index {name}, which has more than {most:,} bytes in {_records(against[0])}."
                    self._say("add_index", text, name, against=against)

    def _comes_with_field(self, columns):
        return len(columns) == 1 and columns[0] in self.change.added

    def _survey(self):
        """Look at the values in place: can they be kept, do they fit, do they differ, what do they point at?"""
        pairs = {name: (self.old.fields[origin], self.new.fields[name]) for name, origin in self.change.origins.items()}
        checked = {
            name: self.change.converted.get(name) or now.converter(was)
            for name, (was, now) in pairs.items()
            if name in self.change.converted or (was.name == now.name and now.narrows(was))
        }
        pointing = [name for name in pairs if self._points_elsewhere(name)]
        sets, moving = self.new.unique_sets(), {*self.change.converted, *self.change.defaults}
        new_sets = {each for each in sets if self.change.before(each) not in self.old.unique_sets()}
        doubtful = [each for each in sets if each in new_sets or moving & set(each)]
        if not checked and not pointing and not doubtful:
            return
        survey = Survey(self.change, self.model, checked, doubtful, {name: self._target(name) for name in pointing})
        survey.run()
        for name in checked:
            self._judge_values(name, survey.unfit[name])
        for name in pointing:
            astray, target = survey.astray[name], self.new.fields[name].to
            told = f", whose records do not include the value of {_records(len(astray))}" if astray else ""
            self._say("change_target", f"Let {name} refer to {target}{told}.", name, against=_counted(astray))
        for each in doubtful:
            twice = survey.twice[each]
            if twice or (each in new_sets and not self._comes_with_field(each)):
                told = f", with repeated values in {_records(len(twice))}" if twice else ""
                self._say("add_unique", f"Let {_list(each)} be unique{told}.", ", ".join(each), against=_counted(twice))

    def _judge_values(self, name, unfit):
        was, now = self.old.fields[self.change.origins[name]], self.new.fields[name]
        if name not in self.change.converted:
            told = f", with others in {_records(len(unfit))}" if unfit else ""
            self._say("change_constraints", f"Narrow the values of {name}{told}.", name, against=_counted(unfit))
            return
        types = f"from {was.name} to {now.name}" if was.name != now.name else "to another precision"
        text = f"Change {name} {types}"
        if not unfit:
            self._say("change_type", f"{text}.", name)
        elif now.required and now.default is None:
            told = f"{text}, though it is required and cannot be converted in {_records(len(unfit))}."
            self._say("change_type", told, name, against=_counted(unfit))
        else:
            told = f"{text}, losing the values of {_records(len(unfit))} that cannot be converted."
            self._say("change_type", told, name, lost=_counted(unfit))

    def _points_elsewhere(self, name):
        was, now = self.old.references.get(self.change.origins[name]), self.new.references.get(name)
        return now is not None and (was is None or self.renamed.get(was.to, was.to) != now.to)

    def _target(self, name):
        """Return the model of what a field refers to from now on, as it is called so far; None for what is to come."""
        target = self.new.fields[name].to
        former = next((old for old, new in self.renamed.items() if new == target), target)
        return build_model(self.definitions[former], database.obj) if former in self.definitions else None

    def _rest(self):
        old, new = self.old, self.new
        if [self.change.origins.get(name) for name in new.search] != old.search:
            self._say("change_search", "Change what the full-text search covers.")
        if old.access != new.access:
            self._say("change_access", "Change who may do what.")
        if old.description != new.description:
            self._say("describe", "Describe the resource anew.")
        if old.on_owner_delete != new.on_owner_delete:
            text = f"Do `{new.on_owner_delete}` with the records of a user who is deleted."
            self._say("change_on_owner_delete", text)
        if old.require_if_match != new.require_if_match:
            text = "Require If-Match for changes." if new.require_if_match else "Require If-Match no longer."
            self._say("change_require_if_match", text)
        if old.history != new.history:
            text = "Keep the history of the records." if new.history else "Keep the history of the records no longer."
            self._say("change_history", text)
        if not self.found and json.dumps(old.to_dict()) != json.dumps(new.to_dict()):
            self._say("reorder", "Write the definition down in another order.")


def _counted(ids):
    return len(ids), ids[:SHOWN_IDS]


def _records(count):
    return "1 record" if count == 1 else f"{count} records"


def _with(count, what=""):
    return f" with {what}{_records(count)}" if count else ""


def _shown(default):
    return json.dumps(default, ensure_ascii=False)


def _list(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
