#!/bin/sh
# Audits the model; for cron or the systemd timer beside it. Written by auditor init.
#   crontab -e:   0 5 * * 1  /opt/model-audit/model-audit.sh
# Prints nothing while all is well, so that cron sends mail only when somebody has to look.
set -eu
cd "$(dirname "$0")"
code=0
auditor run audit.yaml --out runs --baseline latest --quiet >runs.log 2>&1 || code=$?
case "$code" in
    0) ;;
    75) echo "The audit was stopped; the next start goes on where it was." ;;
    1) echo "The gate failed:" && cat runs.log ;;
    4) echo "The audit is incomplete:" && cat runs.log ;;
    *) echo "The audit did not run (exit code $code):" && cat runs.log ;;
esac
exit "$code"
