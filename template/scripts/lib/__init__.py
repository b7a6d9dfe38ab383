# Managed by chora-compose-template: `copier update` rewrites it. Add your own script.
