#!/bin/sh
# Makes the certificates of the TLS tests anew: an authority, a host (localhost) and a client signed by it, and an
# authority that signed nothing. Valid for a hundred years; the keys protect nothing.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"; }

authority() { # NAME SUBJECT
    key "$1"
    openssl req -x509 -new -key "$work/$1.key" -sha256 -days 36500 -subj "/CN=$2" -out "$1.pem"
}

signed() { # NAME SUBJECT EXTENSION
    key "$1"
    openssl req -new -key "$work/$1.key" -sha256 -subj "/CN=$2" -out "$work/$1.csr"
    printf '%s\n' "$3" >"$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA ca.pem -CAkey "$work/ca.key" -CAcreateserial -CAserial "$work/serial" \
        -sha256 -days 36500 -extfile "$work/$1.ext" -out "$work/$1.crt" 2>/dev/null
    cat "$work/$1.crt" "$work/$1.key" >"$1.pem"
}

authority ca "Dozan test authority"
authority other-ca "Another authority"
signed server localhost "subjectAltName=DNS:localhost"
signed client "Dozan test client" "extendedKeyUsage=clientAuth"
