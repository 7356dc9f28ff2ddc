# The registers, held to an independent reader: tests/oracle/eif.py.

oracle() { python3 "$SRC/tests/oracle/eif.py" "$@"; }

printf 'a kernel' >kernel
printf 'console=ttyS0' >cmdline
printf '{}' >metadata
printf 'ramdisk zero' >r0
head -c 700000 /dev/zero | tr '\0' 'x' >r1
printf '' >empty

oracle make a.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=r1
try 0 measure a.eif
oracle measure a.eif >want
out <want
err ''

try 0 measure --part kernel a.eif
out "$(sha384sum <kernel | cut -d' ' -f1)"
try 0 measure --part=cmdline a.eif
out "$(sha384sum <cmdline | cut -d' ' -f1)"
try 0 measure --part ramdisk0 a.eif
out "$(sha384sum <r0 | cut -d' ' -f1)"
try 0 measure --part ramdisk1 a.eif
out "$(sha384sum <r1 | cut -d' ' -f1)"
try 0 measure --json --part ramdisk1 a.eif
out <<END
{
  "type": "ramdisk",
  "size": 700000,
  "sha384": "$(sha384sum <r1 | cut -d' ' -f1)"
}
END
try 2 measure --part ramdisk2 a.eif
err "selfsame: error: there is no part 'ramdisk2'; the parts are kernel, cmdline, ramdisk0, ramdisk1"
try 2 measure --part signature a.eif
err "selfsame: error: there is no part 'signature'; the parts are kernel, cmdline, ramdisk0, ramdisk1"

try 0 measure --json a.eif
pcr() { sed -n "s/^PCR$1  //p" want; }
part() { printf '    {\n      "type": "%s",\n      "size": %s,\n      "sha384": "%s"\n    }' \
	"$1" "$(stat -c %s "$2")" "$(sha384sum <"$2" | cut -d' ' -f1)"; }
out <<END
{
  "HashAlgorithm": "Sha384 { ... }",
  "PCR0": "$(pcr 0)",
  "PCR1": "$(pcr 1)",
  "PCR2": "$(pcr 2)",
  "eif": {
    "sha256": "$(sha256sum <a.eif | cut -d' ' -f1)",
    "size": $(stat -c %s a.eif)
  },
  "parts": [
$(part kernel kernel),
$(part cmdline cmdline),
$(part ramdisk r0),
$(part ramdisk r1)
  ]
}
END

# Versions, counts of ramdisks and orders.
for args in 'version=2 kernel=kernel cmdline=cmdline ramdisk=r0 ramdisk=r1' \
	'version=3 flags=1 cmdline=cmdline kernel=kernel ramdisk=r0' \
	'kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r1 ramdisk=r0 ramdisk=r1 ramdisk=empty' \
	'kernel=kernel ramdisk=r0 ramdisk=r1 metadata=metadata cmdline=cmdline' \
	'kernel=empty cmdline=empty metadata=empty ramdisk=empty'; do
	# shellcheck disable=SC2086
	oracle make b.eif $args
	try 0 measure b.eif
	oracle measure b.eif >want
	out <want
done

# The known value of an image with one ramdisk.
oracle make b.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0
try 0 measure b.eif
out_has 'PCR2  21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a'

# PCIe flags: PCR0 is not told.
oracle make p.eif flags=0x240 kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=r1
try 0 measure p.eif
out_has 'PCR0  not computable: the file has PCIe flags'
try 0 measure --json p.eif
out_has '  "PCR0": null,'

# What cannot be read.
try 3 measure empty
err "selfsame: error: 'empty': EIF header ends early, at byte 0"
try 3 measure kernel
err "selfsame: error: 'kernel': not an EIF file: wrong magic at byte 0"
try 3 measure .
err "selfsame: error: '.' is not a regular file"
try 4 measure nowhere.eif
err "selfsame: error: cannot open 'nowhere.eif': No such file or directory"
head -c 700600 a.eif >cut.eif
try 3 measure cut.eif
err "selfsame: error: 'cut.eif': section 4 at byte 631: 700000 bytes of data end past the file, which ends at byte 700600"
cp a.eif bad.eif
oracle set bad.eif 700000 7a
try 3 measure bad.eif
err_has "selfsame: error: 'bad.eif': the CRC-32 at byte 544 says "
out ''
try 2 measure
err 'selfsame: error: measure needs FILE'
