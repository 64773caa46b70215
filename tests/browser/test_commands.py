"""No command is lost: by touch, by quick presses, on slow and broken connections; each arrives once and in order."""

from contextlib import ExitStack

import pytest

from explorer.architecture import edit
from tests.browser.design import Design, until
from tests.browser.helpers import settle
from tests.sizes import ALL, THOROUGH, thorough

NET, BLOCK = "inception-net-32", "inception1"
CONV = f"{BLOCK}/branch_1x1"
SLOW = 0.5  # seconds each way

# The connection as a test wants it: slow in both directions, deaf for a while, or saying everything twice.
_CONNECTION = """() => {
    window.__connection = { delay: 0, lose: 0, twice: false, sent: 0 };
    const Plain = window.WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...wanted) {
            super(...wanted);
            window.__socket = this;
        }
        send(message) {
            const { delay, twice } = window.__connection;
            window.__connection.sent += 1;
            if (window.__connection.lose > 0) {
                window.__connection.lose -= 1;
                return;
            }
            const go = () => this.readyState === Plain.OPEN && super.send(message);
            for (let copies = twice ? 2 : 1; copies; copies -= 1) delay ? setTimeout(go, delay) : go();
        }
        addEventListener(kind, listener, ...others) {
            const late = (event) => setTimeout(() => listener.call(this, event), window.__connection.delay);
            super.addEventListener(kind, kind === "message" ? late : listener, ...others);
        }
        set onmessage(listener) {
            super.onmessage = (event) => setTimeout(() => listener.call(this, event), window.__connection.delay);
        }
    };
}"""


@pytest.fixture
def visit(server, new_page):
    """A visitor's Design page, by touch where wanted, on a connection that the test makes worse."""
    with ExitStack() as scripts:

        def begin(net=NET, *, touch=False):
            page = new_page(touch=touch)
            scripts.enter_context(page.add_init_script(f"({_CONNECTION})()"))
            return Design(page, server.url).open(net)

        yield begin


def worsen(design, **settings):
    design.page.evaluate("settings => Object.assign(window.__connection, settings)", settings)


def channels(design, path=CONV):
    return edit.find(design.architecture, path).out_channels


def undo_all(design, steps):
    """As many steps back as there were commands: neither more nor fewer."""
    undo = design.button("undo_button")
    for left in range(steps, 0, -1):
        assert undo.is_enabled(), f"{left} steps are missing"
        with design.changing():
            undo.click()
    until(undo.is_disabled, "the last step")


def press(design, locator, milliseconds):
    """By the mouse, so long."""
    box = None
    while not box:  # an answer may draw it anew at any time
        box = locator.evaluate("node => { node.scrollIntoView({ block: 'nearest' }); return node.isConnected }") and (
            locator.bounding_box()
        )
    design.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    design.page.mouse.down()
    if milliseconds:
        design.page.wait_for_timeout(milliseconds)
    design.page.mouse.up()


def type_without_enter(design, text):
    field = design.exact(CONV)
    field.click()
    field.fill("")
    field.press_sequentially(text)


def test_by_touch_a_typed_number_and_the_control_tapped_next(visit):
    design = visit(touch=True)
    for number, option in ((33, "batch"), (34, "none"), (35, "batch"))[: 3 if ALL else 1]:
        field = design.exact(CONV)
        field.tap()
        field.fill(str(number))
        with design.changing():
            design.choice("norm", option).tap()
        until(lambda: channels(design) == number, f"the {number} channels")  # noqa: B023
        assert edit.find(design.architecture, CONV).norm == option
    undo_all(design, 6 if ALL else 2)
    assert design.query("net") == NET


@pytest.mark.parametrize(
    "milliseconds",
    [0, pytest.param(40, marks=THOROUGH), pytest.param(120, marks=THOROUGH), pytest.param(400, marks=THOROUGH)],
)
def test_a_typed_number_and_a_press_of_any_length(visit, milliseconds):
    design = visit()
    type_without_enter(design, "33")
    with design.changing():
        press(design, design.choice("norm", "batch"), milliseconds)
    until(lambda: edit.find(design.architecture, CONV).norm == "batch", "the norm")
    assert channels(design) == 33
    # And where another component is pressed: an overview's column, and the button that takes a step back.
    type_without_enter(design, "34")
    with design.changing():
        press(design, design.column("inception2"), milliseconds)
    until(lambda: design.query("at") == "inception2", "the choice")
    assert channels(design) == 34
    with design.changing():
        press(design, design.column(BLOCK), milliseconds)
        type_without_enter(design, "35")
        press(design, design.button("undo_button"), milliseconds)
        settle(design.page)
        design.page.keyboard.press("Control+y")
    until(lambda: channels(design) == 35, "the step taken back and forward again")


@thorough("tests/browser/test_commands.py::test_a_typed_number_and_a_press_of_any_length")
def test_three_presses_in_quick_succession(visit):
    design = visit()
    for _ in range(3 if ALL else 1):
        for label, option in (("norm", "batch"), ("fusion", "multiply"), ("stride", "2")):
            press(design, design.choice(label, option), 0)
            design.page.wait_for_timeout(60)
        until(lambda: edit.find(design.architecture, BLOCK).fuse == "multiply", "the fusion")
        until(lambda: design.agree()[1].by_path[BLOCK].output_shape[1:] == (4, 4), "the stride")
        assert edit.find(design.architecture, CONV).norm == "batch"
        undo_all(design, 3)


@thorough("tests/browser/test_commands.py::test_many_commands")
def test_quick_steps_back_are_counted(visit):
    design = visit()
    for number in range(65, 75):
        design.exact(CONV).fill(str(number))
        design.page.keyboard.press("Enter")
    until(lambda: channels(design) == 74, "the last of ten numbers")
    undo, redo = design.button("undo_button"), design.button("redo_button")
    for _ in range(7):
        undo.click()
    until(lambda: channels(design) == 67, "seven steps back")
    redo.click()
    redo.click()
    until(lambda: channels(design) == 69, "two steps forward")
    for _ in range(5):
        design.page.keyboard.press("Control+z")
    until(lambda: design.query("net") == NET, "the beginning")
    until(undo.is_disabled, "no step more")


# The panel's own queue, as its controls use it: the slider with two hundred places that it does not have.
_SEND_MANY = """async ([count, pause]) => {
    const queue = window[Symbol.for("inception-explorer.outbox")];
    const [address, { parentElement }] = [...queue.channels].find(([address]) => address.endsWith("/editor"));
    const path = "inception1/branch_1x1";
    const input = `exact:${JSON.stringify({ do: "set", path, field: "out_channels" })}`;
    for (let number = 1; number <= count; number += 1) {
        const field = parentElement.querySelector(`[data-id='${input}']`);
        field.value = String(100 + number);
        field.dispatchEvent(new Event("input"));
        field.dispatchEvent(new Event("change"));
        if (pause) await new Promise((done) => setTimeout(done, pause));
    }
}"""


@pytest.mark.parametrize(
    ("pause", "delay"),
    [*(pytest.param(pause, 0, marks=THOROUGH) for pause in (0, 5, 40, 120)), (5, SLOW)],
)
def test_many_commands(visit, watch, pause, delay):
    count = 200 if ALL else 8  # the history keeps two hundred
    design = visit()
    worsen(design, delay=delay * 1000, sent=0)
    design.page.evaluate(_SEND_MANY, [count, pause])
    until(lambda: channels(design) == 100 + count, "the last of the numbers", 120)
    messages = design.page.evaluate("window.__connection.sent")
    assert messages < count, "each message has the page run again: those that are given together go together"
    worsen(design, delay=0)
    settle(design.page)
    undo = design.button("undo_button")
    for number in (99 + count, 98 + count):
        undo.click()
        until(lambda: channels(design) == number, "one step back")  # noqa: B023
    for _ in range(count - 2):
        undo.evaluate("button => button.click()")
    until(lambda: design.query("net") == NET, "all steps back", 120)
    until(undo.is_disabled, "no step more")
    if delay:
        lose_messages_and_break_the_connection(design, watch)


@thorough("tests/browser/test_commands.py::test_many_commands")
def test_on_a_slow_connection_a_drag_and_what_follows(visit):
    design = visit()
    worsen(design, delay=SLOW * 1000)
    slider = design.ribbon(CONV)
    design.drag(slider, 0.9, steps=12)
    dragged = int(slider.evaluate("node => Number(node.value)"))
    press(design, design.choice("norm", "batch"), 0)
    until(lambda: edit.find(design.architecture, CONV).norm == "batch", "the norm")
    value = channels(design)
    assert value > 64
    until(lambda: int(slider.evaluate("node => Number(node.value)")) == dragged, "the thumb where it was left")
    worsen(design, delay=0)
    settle(design.page)
    undo_all(design, 2)  # a drag is one step, however many values it passed


@thorough("tests/pages/test_commands.py::test_any_messages_of_a_growing_list_carry_out_each_command_once_and_in_order")
def test_a_message_that_comes_twice(visit):
    design = visit()
    worsen(design, twice=True)
    for number in (33, 34, 35):
        design.exact(CONV).fill(str(number))
        design.page.keyboard.press("Enter")
        settle(design.page)
    press(design, design.choice("norm", "batch"), 0)
    until(lambda: edit.find(design.architecture, CONV).norm == "batch", "the norm")
    worsen(design, twice=False)
    settle(design.page)
    assert channels(design) == 35
    undo_all(design, 4)


def lose_messages_and_break_the_connection(design, watch):
    """What is lost is sent again, and the connection mended."""
    watch.allow(r"WebSocket|disconnected from server", because="the test breaks the connection")
    worsen(design, lose=1)
    design.exact(CONV).fill("33")
    design.page.keyboard.press("Enter")
    until(lambda: channels(design) == 33, "the number after a while")
    worsen(design, lose=1)
    design.exact(CONV).fill("34")
    design.page.keyboard.press("Enter")
    settle(design.page)
    press(design, design.choice("norm", "batch"), 0)  # takes along what was lost
    until(lambda: edit.find(design.architecture, CONV).norm == "batch", "the norm", 3)
    assert channels(design) == 34
    undo_all(design, 3)
    # And where the connection breaks.
    design.page.evaluate("window.__socket.close()")
    design.exact(CONV).fill("33")
    design.page.keyboard.press("Enter")
    until(lambda: channels(design) == 33, "the number after the connection is back")
    settle(design.page)
    undo_all(design, 1)


@thorough("tests/pages/test_commands.py::test_a_command_that_fails_is_not_repeated_and_those_behind_it_are_not_lost")
def test_a_refused_command_does_not_hold_up_those_behind_it(visit):
    design = visit()
    worsen(design, delay=SLOW * 1000)
    field = design.exact(CONV)
    for text in ("33", "-5", "34", "nonsense"):
        field.fill(text)
        design.page.keyboard.press("Enter")
    until(lambda: "Not changed" in design.notice(), "why")
    until(lambda: channels(design) == 34, "the last that is right")
    worsen(design, delay=0)
    settle(design.page)
    undo_all(design, 2)


def test_the_page_changes_while_a_command_is_under_way(visit):
    design = visit()
    reload_and_repeat_nothing(design)
    page = design.page
    worsen(design, delay=SLOW * 1000)
    type_without_enter(design, "33")
    page.get_by_role("link", name="Catalogue").click()
    page.get_by_role("heading", name="Catalogue").first.wait_for()
    worsen(design, delay=0)
    settle(page)
    page.get_by_role("link", name="Design", exact=True).click()
    page.locator(".st-key-editor .head b").wait_for()
    settle(page)
    until(lambda: channels(design) == 33, "the number typed before")
    undo_all(design, 1)
    # What is being typed lives through the answer to the last command.
    worsen(design, delay=SLOW * 1000)
    press(design, design.choice("norm", "batch"), 0)
    type_without_enter(design, "3")
    until(lambda: edit.find(design.architecture, CONV).norm == "batch", "the norm")
    settle(design.page)
    design.page.keyboard.type("3")
    design.page.keyboard.press("Enter")
    until(lambda: channels(design) == 33, "the number typed before and after")


def reload_and_repeat_nothing(design):
    for number in (33, 34):
        design.exact(CONV).fill(str(number))
        design.page.keyboard.press("Enter")
        until(lambda: channels(design) == number, "the number")  # noqa: B023
    worsen(design, delay=SLOW * 1000)
    design.choose_from_menu("conv", do="insert", place="after", path=f"{BLOCK}/branch_3x3")
    design.page.reload()
    design.page.locator(".st-key-editor .head b").wait_for()
    settle(design.page, quiet=2)
    # Before or after it, never twice; and what follows counts anew.
    assert len(edit.find(design.architecture, f"{BLOCK}/branch_3x3").nodes) in (2, 3)
    assert channels(design) == 34
    with design.changing():
        design.exact(CONV).fill("35")
        design.page.keyboard.press("Enter")
    assert channels(design) == 35
    # What was done before it can still be taken back.
    until(lambda: _step(design, "undo_button") == 34, "the number before")
    while _step(design, "undo_button") == 34:
        pass  # the layer, if it came
    assert channels(design) == 33
    assert _step(design, "undo_button") == 64
    assert design.query("net") == NET


def _step(design, key):
    with design.changing():
        design.button(key).click()
    return channels(design)
