# Without a date: what Python makes of the clock of a hermetic step. Through a real buildah and apt.

mkdir -p runtime/x86_64 app
for part in kernel-nitro init dataplane keyplane; do
	echo $part >runtime/x86_64/$part
done
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
runtime=$PWD/runtime
cd app || exit 99
printf 'name = "clock"\n[build]\nengine = "buildah"\nargs = { BASE = "%s" }\n' "$SELFSAME_DEMO_BASE" >enclave.toml
echo text >brought
cat >Dockerfile <<'END'
ARG BASE
FROM $BASE
RUN apt-get update && apt-get install -y --no-install-recommends python3
COPY brought /
RUN python3 -c 'import zipfile; z = zipfile.ZipFile("/z", "w"); z.write("/brought"); print(z.infolist()[0].date_time)' >/zipped
RUN echo 'x = 1' >/later.py && sleep 2 && python3 -c 'import sys; sys.path = ["/"] + sys.path; import later'
END
try 0 build -q --runtime "$runtime"
try 0 extract -q --tree clock.eif tree
check 'zip can say it' grep -qxF '(2026, 1, 1, 0, 0, 0)' tree/ramdisk1/rootfs/zipped
check 'what was compiled in a step stays' test -s tree/ramdisk1/rootfs/__pycache__/later.cpython-311.pyc
rm -rf tree
check 'a rebuild without a network gives the same' unshare -n "$SELFSAME" rebuild -q --runtime "$runtime"
