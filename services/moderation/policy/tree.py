"""A condition as CEL's type checker understood it: what it compares, and of which type everything is.

Read from the `cel.expr.CheckedExpr` that the bindings serialise to; the numbers of its fields stand in cel-spec,
proto/cel/expr/{syntax,checked}.proto. Variables of comprehensions are numbered by depth, so that conditions that differ
in such names only are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

Constant: TypeAlias = bool | int | float | str | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    offset: int = field(compare=False)
    """Code points from the start of the condition; -1 where CEL does not say."""
    type: str = field(compare=False)
    """As CEL writes types: `int`, `list(plaudit.Signal)`, `dyn`."""


@dataclass(frozen=True, slots=True)
class Literal(_Node):
    value: Constant
    kind: str
    """Sets 1, 1u, 1.0 and true apart, which are equal in Python."""


@dataclass(frozen=True, slots=True)
class Name(_Node):
    name: str


@dataclass(frozen=True, slots=True)
class Select(_Node):
    operand: Node
    field: str
    is_test: bool
    """`has(operand.field)`."""


@dataclass(frozen=True, slots=True)
class Call(_Node):
    """The target of a method call is its first argument: `x.size()` and `size(x)` are the same."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Many(_Node):
    """Elements of a list, or keys and values of a map or message in turn."""

    of: str
    elements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Fold(_Node):
    """A comprehension: what the macros exists, all, filter, map and exists_one stand for."""

    over: Node
    start: Node
    condition: Node
    step: Node
    result: Node


Node: TypeAlias = Literal | Name | Select | Call | Many | Fold


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments
        case Many():
            return node.elements
        case Fold():
            return (node.over, node.start, node.condition, node.step, node.result)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from walk(child)


def decode(serialised: bytes) -> Node:
    """Raises ValueError for what is no checked expression."""
    envelope = _messages()["Any"].FromString(serialised)
    if not envelope.type_url.endswith("/cel.expr.CheckedExpr"):
        raise ValueError(f"not a checked expression: {envelope.type_url}")
    checked = _messages()["CheckedExpr"].FromString(envelope.value)
    types = {entry.key: _type(entry.value) for entry in checked.type_map}
    offsets = {entry.key: entry.value for entry in checked.source_info.positions}
    return _Decoder(types, offsets).node(checked.expr, {})


_PRIMITIVES: Final = ("", "bool", "int", "uint", "double", "string", "bytes")
_WELL_KNOWN: Final = ("", "any", "timestamp", "duration")


class _Decoder:
    def __init__(self, types: Mapping[int, str], offsets: Mapping[int, int]) -> None:
        self._types = types
        self._offsets = offsets

    def node(self, expr: Any, scope: Mapping[str, str]) -> Node:
        place: dict[str, Any] = {"offset": self._offsets.get(expr.id, -1), "type": self._types.get(expr.id, "dyn")}
        kind = expr.WhichOneof("kind")
        if kind == "const":
            constant = expr.const.WhichOneof("kind")
            value = None if constant == "null" else getattr(expr.const, constant)
            return Literal(value, constant, **place)
        if kind == "ident":
            return Name(scope.get(expr.ident.name, expr.ident.name), **place)
        if kind == "select":
            return Select(self.node(expr.select.operand, scope), expr.select.field, expr.select.test_only, **place)
        if kind == "call":
            arguments = [expr.call.target] if expr.call.HasField("target") else []
            return Call(expr.call.function, self._nodes([*arguments, *expr.call.args], scope), **place)
        if kind == "list":
            return Many("list", self._nodes(expr.list.elements, scope), **place)
        if kind == "struct":
            parts = []
            for entry in expr.struct.entries:
                if entry.HasField("map_key"):
                    parts.append(self.node(entry.map_key, scope))
                else:
                    parts.append(Literal(entry.field_key, "field", offset=-1, type="string"))
                parts.append(self.node(entry.value, scope))
            return Many(expr.struct.message_name or "map", tuple(parts), **place)
        if kind == "fold":
            fold = expr.fold
            depth = len(scope)
            result = {**scope, fold.accu_var: f"@{depth}r"}
            inner = {**result, fold.iter_var: f"@{depth}"} | ({fold.iter_var2: f"@{depth}b"} if fold.iter_var2 else {})
            return Fold(
                self.node(fold.iter_range, scope),
                self.node(fold.accu_init, scope),
                self.node(fold.loop_condition, inner),
                self.node(fold.loop_step, inner),
                self.node(fold.result, result),
                **place,
            )
        raise ValueError(f"an expression of unknown kind: {kind}")

    def _nodes(self, exprs: Any, scope: Mapping[str, str]) -> tuple[Node, ...]:
        return tuple(self.node(expr, scope) for expr in exprs)


def _type(of: Any) -> str:
    kind = of.WhichOneof("kind")
    if kind == "primitive":
        return _PRIMITIVES[of.primitive]
    if kind == "well_known":
        return _WELL_KNOWN[of.well_known]
    if kind == "list":
        return f"list({_type(of.list.element)})"
    if kind == "map":
        return f"map({_type(of.map.key)}, {_type(of.map.value)})"
    if kind == "message":
        return str(of.message)
    return "null" if kind == "null" else "dyn"


# Message → its fields: name, number, type, and "*" when repeated; "|" marks the members of the oneof "kind". A map is
# on the wire what a repeated entry is.
_LAYOUT: Final = """
Any: type_url 1 string, value 2 bytes
CheckedExpr: type_map 3 TypesEntry*, expr 4 Expr, source_info 5 SourceInfo
TypesEntry: key 1 int64, value 2 Type
SourceInfo: positions 4 OffsetsEntry*
OffsetsEntry: key 1 int64, value 2 int32
Type: null 2 int32 |, primitive 3 int32 |, well_known 5 int32 |, list 6 ListType |, map 7 MapType |, message 9 string |
ListType: element 1 Type
MapType: key 1 Type, value 2 Type
Expr: id 2 int64, const 3 Constant |, ident 4 Ident |, select 5 Select |, call 6 Call |, list 7 List |, \
struct 8 Struct |, fold 9 Fold |
Constant: null 1 int32 |, bool 2 bool |, int 3 int64 |, uint 4 uint64 |, double 5 double |, string 6 string |, \
bytes 7 bytes |
Ident: name 1 string
Select: operand 1 Expr, field 2 string, test_only 3 bool
Call: target 1 Expr, function 2 string, args 3 Expr*
List: elements 1 Expr*
Struct: message_name 1 string, entries 2 Entry*
Entry: field_key 2 string, map_key 3 Expr, value 4 Expr
Fold: iter_var 1 string, iter_range 2 Expr, accu_var 3 string, accu_init 4 Expr, loop_condition 5 Expr, \
loop_step 6 Expr, result 7 Expr, iter_var2 8 string
"""


@lru_cache(maxsize=1)
def _messages() -> Mapping[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="plaudit_tree.proto", package="plaudit.tree", syntax="proto3")
    names = []
    for line in _LAYOUT.strip().splitlines():
        name, _, fields = line.partition(": ")
        names.append(name)
        _describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"plaudit.tree.{name}")) for name in names}


def _describe(message: Any, fields: str) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Kind

    if "|" in fields:
        message.oneof_decl.add(name="kind")
    for field_text in fields.split(", "):
        name, number, kind, *one = field_text.split()
        described = message.field.add(name=name, number=int(number))
        described.label = Kind.LABEL_REPEATED if kind.endswith("*") else Kind.LABEL_OPTIONAL
        if one:
            described.oneof_index = 0
        if kind[0].isupper():
            described.type = Kind.TYPE_MESSAGE
            described.type_name = f".plaudit.tree.{kind.rstrip('*')}"
        else:
            described.type = Kind.Type.Value(f"TYPE_{kind.upper()}")
