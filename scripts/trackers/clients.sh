#!/usr/bin/env bash
# Clients of others, as Debian packages them, that do their everyday work against our
# doubles of the trackers that no test can reach: what they cannot read, the double got
# wrong. `clients.sh install` needs root and is safe to repeat.
#
#   gh                adapters/github/clients_real_test.go
#   python3-github    adapters/github/clients_real_test.go
#   python3-gitlab    adapters/gitlab/client_real_test.go
#   python3-jira      adapters/jira/client_real_test.go
set -euo pipefail

KIND=clients
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

case ${1:-} in
install)
  export DEBIAN_FRONTEND=noninteractive
  apt_install gh python3-github python3-gitlab python3-jira
  ;;
*)
  echo "usage: $0 install" >&2
  exit 2
  ;;
esac
