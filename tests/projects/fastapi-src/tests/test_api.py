from inventory.api.main import api


def test_title():
    assert api.title == "Inventory"
