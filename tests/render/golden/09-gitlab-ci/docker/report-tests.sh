#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# report-tests.sh COMMAND...: run the tests, and report into /tmp/reports. Of coverage, a declared fail_under alone fails tests that pass.
reports=/tmp/reports
status=0

# Where coverage can't start, the tests run without it.
if coverage debug sys >/dev/null; then
  set -- "$@" --cov=my_project --cov-report=
  # Where warnings are errors, its own are none.
  python -c "from coverage.exceptions import CoverageWarning" 2>/dev/null \
    && set -- "$@" -W default::coverage.exceptions.CoverageWarning
fi
"$@" --junitxml="$reports/junit.xml" || status=$?

# By programs of their own: what they open, or fail at, is no fault of a test.
coverage xml -q -i -o "$reports/coverage.xml"
coverage report -i
# 2 means below the fail_under.
if [ $? = 2 ] && [ "$status" = 0 ]; then
  status=2
fi
exit "$status"
