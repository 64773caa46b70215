"""The class of a layer with what follows it, such as ConvBnRelu; and what a class that was written is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ._code import Code, call, lay_out, lay_out_def, lay_out_docstring, type_of, write_number
from ._source_layers import ConvForm, Leaf, LinearForm, Role, Setting, activation_behind, norm_leaf

_ALWAYS_ASKED = ("in_channels", "out_channels", "in_features", "out_features", "kernel_size")
"""What is an argument even where it is the same everywhere."""


@dataclass(frozen=True)
class Parameter:
    """An argument of a class."""

    name: str
    role: Role
    values: tuple[Any, ...]
    default: Any = None

    def declare(self) -> str:
        """Write it as it stands in the head of a function."""
        told = f"{self.name}: {type_of(self.values)}"
        return told if self.default is None else f"{told} = {write_number(self.default)}"


@dataclass(frozen=True)
class Definition:
    """A class that was written."""

    name: str
    lines: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    values: dict[str, dict[str, Any]] = field(repr=False)
    """Of each argument, in each place."""

    def settings(self, path: str) -> tuple[Setting, ...]:
        """What it is called with in a place."""
        return tuple(
            Setting(each.name, self.values[path][each.name], each.role, each.default, each.role != "in")
            for each in self.parameters
        )

    def take(self, leaf: Leaf, counts: bool = True) -> tuple[Setting, ...]:
        """What it is called with for a layer; without its numbers, channels apart, where the layer does not count."""
        defaults = {each.name: each.default for each in self.parameters}
        return tuple(
            replace(each, default=defaults[each.name], value=each.value if counts or each.role != "number" else None)
            for each in leaf.settings
            if each.name in defaults
        )


def write_layer(form: ConvForm | LinearForm, uses: dict[str, Leaf], name: str) -> Definition:
    """Write the class of a convolution or linear layer with what follows it.

    Args:
        form: What it is made of.
        uses: Every layer of that form by its path.
        name: Of the class.

    Returns:
        The class. Numbers that are the same everywhere stand in it, others are its arguments.
    """
    parameters: list[Parameter] = []
    texts: dict[str, Code] = {}
    defaults: dict[str, Any] = {}
    for column in zip(*(leaf.settings for leaf in uses.values()), strict=True):
        first, values = column[0], tuple(each.value for each in column)
        defaults[first.name] = first.default
        if len(set(values)) == 1 and first.name not in _ALWAYS_ASKED:
            texts[first.name] = write_number(values[0])
            continue
        default = first.default if first.default in values and first.name != "bias" else None
        role: Role = first.role if first.name != "groups" else "number"
        parameters.append(Parameter(first.name, role, values, default))
        texts[first.name] = first.name
    if any(each.default is None and each.name not in _ALWAYS_ASKED for each in parameters):
        # The size of the kernel, which is given by its place, stands before them, and so has no default either.
        parameters = [replace(each, default=None) if each.name in _ALWAYS_ASKED else each for each in parameters]
    parameters.sort(key=lambda each: each.default is not None)
    activation = activation_behind(form.activation)
    steps, parts = ["x = self.conv(x)"], []
    bias = {} if texts["bias"] == "True" else {"bias": texts["bias"]}
    if isinstance(form, LinearForm):
        parts.append(lay_out(call("nn.Linear", "in_features", "out_features", **bias), 2, "self.linear = "))
        steps = ["x = self.linear(x)"]
    else:
        named = {key: texts[key] for key in ("stride", "padding", "dilation", "groups")}
        named = {key: text for key, text in named.items() if text != write_number(defaults[key])}
        convolution = call("nn.Conv2d", "in_channels", "out_channels", "kernel_size", **named, **bias)
        parts.append(lay_out(convolution, 2, "self.conv = "))
        if form.padding == "border":
            parts.insert(0, lay_out(call("nn.ZeroPad2d", texts["border"]), 2, "self.border = "))
            steps.insert(0, "x = self.border(x)")
        elif form.padding == "same":
            steps[:0] = ["conv = self.conv", "x = pad_same(x, conv.kernel_size, conv.stride, conv.dilation)"]
        if form.norm != "none":
            callee = norm_leaf(form.norm, 1, 1e-5, 1).callee
            small = {} if texts["eps"] == "1e-05" else {"eps": texts["eps"]}
            width: list[Code] = [texts["norm_groups"]] if form.norm == "group" else []
            norm = "bn" if form.norm == "batch" else "norm"
            parts.append(lay_out(call(str(callee), *width, "out_channels", **small), 2, f"self.{norm} = "))
            steps.append(f"x = self.{norm}(x)")
    if form.activation != "none":
        parts.append([f"        self.activation = {activation}"])
        steps.append("x = self.activation(x)")
    body = [
        *lay_out_def("__init__", ["self", *(each.declare() for each in parameters)], "None", 1),
        "        super().__init__()",
        *(line for part in parts for line in part),
        "",
        "    def forward(self, x: Tensor) -> Tensor:",
        *(f"        {step}" for step in steps),
        "        return x",
    ]
    places = {path: {each.name: each.value for each in leaf.settings} for path, leaf in uses.items()}
    lines = [f"class {name}(nn.Module):", *lay_out_docstring([form.describe()], 1), "", *body]
    return Definition(name, tuple(lines), tuple(parameters), places)
