"""Ways to use a page: with a pointer, and with the keyboard alone. A story is told once, and tried in both."""

from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.variants import mainly


class Pointer:
    def __init__(self, page: Page) -> None:
        self.page = page

    def write(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, name: str) -> None:
        """Press a button or link by its name, or a menu's button by part of its name."""
        self._named(name).click()

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def tick(self, label: str) -> None:
        self.page.get_by_label(label).check()

    def untick(self, label: str) -> None:
        self.page.get_by_label(label).uncheck()

    def _named(self, name: str) -> Locator:
        pressable = self.page.get_by_role("button", name=name, exact=True).or_(self.page.get_by_role("link", name=name, exact=True))
        return pressable.or_(self.page.locator("summary", has_text=name)).locator("visible=true").first


class Keyboard(Pointer):
    """Reaches everything by Tab, and checks each time that the focus is visible."""

    MAX_STEPS = 150
    # The width is that of the style sheet even where no outline is drawn.
    IS_SHOWN = """
        (element) => {
          const outline = getComputedStyle(element);
          return element.matches(":focus-visible") && outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) >= 2;
        }
    """

    def write(self, label: str, text: str) -> None:
        self._reach(self.page.get_by_label(label, exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def press(self, name: str) -> None:
        self._reach(self._named(name))
        self.page.keyboard.press("Enter")

    def choose(self, label: str, option: str) -> None:
        self._reach(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(option)

    def tick(self, label: str) -> None:
        target = self.page.get_by_label(label)
        if target.get_attribute("type") == "radio":
            self._reach_radio(target)
        else:
            self._reach(target)
            self.page.keyboard.press("Space")

    def untick(self, label: str) -> None:
        self.tick(label)

    def _reach(self, target: Locator) -> None:
        handle = target.element_handle(timeout=5000)
        for _ in range(self.MAX_STEPS):
            if handle.evaluate("element => element === document.activeElement"):
                assert handle.evaluate(self.IS_SHOWN), f"nothing shows that {target} has the focus"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard doesn't reach {target}")

    def _reach_radio(self, target: Locator) -> None:
        """Tab reaches the group, arrows move within it."""
        handle = target.element_handle(timeout=5000)
        is_in_group = "element => document.activeElement.type === 'radio' && document.activeElement.name === element.name"
        for _ in range(self.MAX_STEPS):
            if handle.evaluate("element => element === document.activeElement"):
                self.page.keyboard.press("Space")
                return
            self.page.keyboard.press("ArrowDown" if handle.evaluate(is_in_group) else "Tab")
        raise AssertionError(f"the keyboard doesn't reach {target}")


_NARROW = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
WAYS: dict[str, tuple[type[Pointer], dict[str, Any]]] = {
    "phone": (Pointer, _NARROW),
    "keyboard": (Keyboard, {}),
    "scriptless": (Pointer, {**_NARROW, "java_script_enabled": False}),
}
# Between them: both widths, both hands, with and without scripts. The first of each pair is the stricter one, or the one that its stories are about.
BOTH = mainly("keyboard", "scriptless")
MAINLY_SCRIPTLESS = mainly("scriptless", "keyboard")
WITH_SCRIPT = mainly("keyboard", "phone")
MAINLY_PHONE = mainly("phone", "keyboard")
NARROW = mainly("scriptless", "phone")
