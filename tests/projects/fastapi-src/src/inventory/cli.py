def main():
    print("inventory")
