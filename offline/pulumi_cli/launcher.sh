#!/bin/sh
# Installed beside a CLI that was built from its Go module, under two names: pulumi-language-python (runs the program)
# and pulumi-resource-pulumi-python (runs its dynamic providers). Starts either with the Python of the project that the
# engine's working directory belongs to: its `virtualenv`, as in Pulumi.yaml, else the active environment, else
# PULUMI_PYTHON_CMD, else python3.
set -eu

here=${0%/*}

# The folder of Pulumi.yaml: this one or the nearest above it.
project=$PWD
while [ ! -f "$project/Pulumi.yaml" ] && [ -n "$project" ]; do
    project=${project%/*}
done
[ -f "$project/Pulumi.yaml" ] || project=$PWD

# The value of `virtualenv:`, plain or quoted, on its own line or inside {braces}. The language host compares it with
# what the engine read from the same file, so a form that this does not read is refused by name.
virtualenv_option() {
    sed -n \
        -e '/^[[:space:]]*#/d' \
        -e 's/^.*[[:space:]{,]virtualenv:[[:space:]]*//' \
        -e 't value' \
        -e 'd' \
        -e ': value' \
        -e 's/^"\([^"]*\)".*$/\1/' \
        -e 't print' \
        -e "s/^'\([^']*\)'.*\$/\1/" \
        -e 't print' \
        -e 's/[[:space:],}#].*$//' \
        -e ': print' \
        -e 'p' \
        -e 'q' "$1"
}

venv=
case ${0##*/} in
    # The engine passes the runtime's options to dynamic providers only.
    pulumi-resource-*) venv=${PULUMI_RUNTIME_VIRTUALENV:-} ;;
esac
if [ -z "$venv" ] && [ -f "$project/Pulumi.yaml" ]; then
    venv=$(virtualenv_option "$project/Pulumi.yaml")
fi

if [ -n "$venv" ]; then
    case $venv in
        /*) ;;
        *) venv=$project/${venv%/} ;;
    esac
    python=$venv/bin/python
    if [ ! -x "$python" ]; then
        echo "error: Pulumi.yaml names the virtual environment $venv, and there is none." >&2
        echo "Create it: python3 -m venv '$venv' && '$python' -m pip install -r '$project/requirements.txt'" >&2
        exit 1
    fi
    VIRTUAL_ENV=$venv
    PATH=$venv/bin:$PATH
    export VIRTUAL_ENV PATH
    unset PYTHONHOME
elif [ -n "${VIRTUAL_ENV:-}" ] && [ -x "$VIRTUAL_ENV/bin/python" ]; then
    python=$VIRTUAL_ENV/bin/python
else
    python=${PULUMI_PYTHON_CMD:-python3}
fi

case ${0##*/} in
    pulumi-resource-*) set -- --dynamic-providers "$@" ;;
esac
exec "$python" -u -P "$here/language_host.py" "$@"
