# doctor builds: two of the Dockerfiles of examples/doctor as they are, where it finds what makes
# them differ and what triggers it, and mended, where nothing does. All of them: tests/examples.

mkdir -p runtime/x86_64
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
cp -R "$SRC/examples/doctor/perl" "$SRC/examples/doctor/multi-stage" .
for p in perl multi-stage; do
	printf 'name = "doctor"\nsource_date_epoch = 1700000000\n[build]\nargs = { BASE = "%s" }\n' \
		"$SELFSAME_DEMO_BASE" >$p/enclave.toml
done
ls -A perl multi-stage >before

cat >seen.py <<'END'
# What differs, and what triggers it, one line a file: "srv/x: cause: each time, host".
import json
import sys

d = json.load(open(sys.argv[1]))
rows = set()
for g in d['groups']:
    names = (['each time'] if g['each_time'] else []) + g['triggered_by']
    for x in g['differences']:
        rows.add(f"{x['path'].split('!')[0].removeprefix('rootfs/')}: {g['cause']}: {', '.join(names)}")
print(*sorted(rows), sep='\n')
print('varied:', *d['varied'])
for n in d['not_varied']:
    print('not varied:', n['name'], n['why'])
print('builds:', d['builds'])
END

try 1 doctor -q --json --runtime runtime --only host perl
cp "$OUT" perl.json
check 'perl: the order of a hash and the time, each time' sh -c '
python3 seen.py perl.json >seen && diff -u - seen' <<'END'
srv/built.txt: time.text: each time
srv/count.txt: order.lines: each time
varied: host
builds: 3
END
try 0 doctor -q --runtime runtime --only host --file perl/Dockerfile.mended perl
out <<'END'
same

3 builds
varied: host
END

try 1 doctor -q --json --runtime runtime --only host --only kernel multi-stage
cp "$OUT" multi.json
check 'multi-stage: what is packed differs each time, where it was by host and kernel' sh -c '
python3 seen.py multi.json >seen && diff -u - seen' <<'END'
srv/data.tgz: time.archive-member: each time
srv/where.txt: env.machine: host, kernel
srv/where.txt: id.host-name: host, kernel
varied: host kernel
builds: 5
END
try 0 doctor -q --runtime runtime --skip memory --file multi-stage/Dockerfile.mended multi-stage
out_has 'same'
out_has 'varied: time, time-zone, locale, umask, user, host, domain, cpus, kernel, pids, environment, path-length, build-path, file-system, directory-order, network-delay'
ls -A perl multi-stage >after
check 'nothing is left in the projects' diff before after

# The order of a folder that was there before the step, which no other file system changes.
mkdir order
printf 'ARG BASE\nFROM $BASE\nRUN umask 022 && ls -U /etc >/srv/names.txt\n' >order/Dockerfile
cp perl/enclave.toml order
try 1 doctor -q --json --runtime runtime --only directory-order order
cp "$OUT" order.json
check 'order: lines in the order of the folder' sh -c '
python3 seen.py order.json >seen && diff -u - seen' <<'END'
srv/names.txt: order.lines: directory-order
varied: directory-order
builds: 3
END

# An ext4 whose seed is not this disk's: what is made in the step is listed in another order. Where
# this machine can mount one, which is tried here by other means, it must be varied.
printf 'ARG BASE\nFROM $BASE\nRUN mkdir /n && cd /n && touch a b c d e f g h i j k l m n o p q r && ls -U >/srv/names.txt && rm -r /n\n' >order/Dockerfile
mkdir mounted
truncate -s 64M image
if mke2fs -q -F -t ext4 image && mount -o loop image mounted; then
	umount mounted
	try 1 doctor -q --json --runtime runtime --only ext4 order
	cp "$OUT" order.json
	check 'ext4: lines in the order of the folder' sh -c '
python3 seen.py order.json >seen && diff -u - seen' <<'END'
srv/names.txt: order.lines: ext4
varied: ext4
builds: 3
END
	check 'it is the same each time' sh -c 'python3 -c "
import json
d = json.load(open(\"order.json\"))
print(json.dumps([x for g in d[\"groups\"] for x in g[\"differences\"]]))" >once && "$SELFSAME" doctor -q --json --runtime runtime --only ext4 order >again.json
python3 -c "
import json
d = json.load(open(\"again.json\"))
print(json.dumps([x for g in d[\"groups\"] for x in g[\"differences\"]]))" | diff once -'
	try 0 doctor -q --runtime runtime --only ext4 --only build-path --file perl/Dockerfile.mended perl
	out_has 'varied: build-path, ext4'
	check 'nothing stays mounted' sh -c '! grep -q selfsame/doctor /proc/self/mountinfo'
	check 'nor attached' sh -c '! losetup -a | grep selfsame/doctor'
else
	try 0 doctor -q --runtime runtime --only ext4 --file perl/Dockerfile.mended perl
	out_has 'not varied: ext4: '
fi
try 0 doctor -q --quick --runtime runtime --only ext4 --only file-system --file perl/Dockerfile.mended perl
out <<'END'
same

2 builds
varied: file-system
not varied: ext4: a build has one file system beneath, and file-system is varied: with --skip file-system this is
END

# The memory that a step is told of, where this machine can limit it; else there is a reason.
printf 'ARG BASE\nFROM $BASE\nRUN umask 022 && grep MemTotal /proc/meminfo >/srv/memory.txt\n' >order/Dockerfile
if grep -qsw memory /sys/fs/cgroup/cgroup.controllers || grep -q ' - cgroup .*[ ,]memory' /proc/self/mountinfo; then
	try 1 doctor -q --json --runtime runtime --only memory order
	cp "$OUT" order.json
	check 'memory: what /proc/meminfo says' sh -c '
python3 seen.py order.json >seen && diff -u - seen' <<'END'
srv/memory.txt: env.machine: memory
varied: memory
builds: 3
END
	check 'it is 2 GiB' grep -q '"b": "MemTotal: *2097152 kB"' order.json
else
	try 0 doctor -q --runtime runtime --only memory order
	out_has 'not varied: memory: '
fi

# The clock three years on: apt bears the mirror's lists, whose time has run out by then.
printf 'ARG BASE\nFROM $BASE\nRUN apt-get update && rm -rf /var/lib/apt/lists/*\n' >order/Dockerfile
try 0 doctor -q --runtime runtime --only time order
out <<'END'
same

3 builds
varied: time
END

# A step that fails with a recorder has this machine's own network, in all builds then.
printf 'ARG BASE\nFROM $BASE\nRUN test ! -e /dev/selfsame/ca.pem\n' >order/Dockerfile
try 0 doctor --runtime runtime --only host order
err_has 'again, with the network of this machine: '
out_has 'varied: host'

# What builds have shown, mended by itself: then they are the same.
printf 'ARG BASE\nFROM $BASE\nRUN echo x >/srv/x && mktemp /tmp/x.XXXXXX\n' >order/Dockerfile
try 1 doctor -q --runtime runtime --only umask --apply --yes order
out_has '+RUN umask 022 && echo x >/srv/x && mktemp /tmp/x.XXXXXX'
out_has '+tmp = true'
out_has '2 causes mended, 0 left to be mended by hand; doctor again tells'
try 0 doctor -q --runtime runtime --only umask order

# A step that fails as it is: an error, not a difference.
printf 'ARG BASE\nFROM $BASE\nRUN false\n' >perl/Dockerfile
try 4 doctor -q --runtime runtime --only host perl
out ''
