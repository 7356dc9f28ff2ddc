#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: config.sh SOURCE-ROOT
# The committed final configurations have what tests/kernel/options-* demand, and the check can say no; the command
# lines are well formed (TAP). That a build gives these configurations is the business of images.sh.
set -eu
cd "$1"
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
n=0
ok() { # NAME CMD...: the sentence holds when CMD succeeds
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$top/out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$top/out"
	fi
}
t=tests/kernel
check() { # CONFIG PROFILE-ARCH
	$t/check-config "$1" $t/options-all "$t/options-$2" -- $t/options-off
}
says_no() { # TEXT CONFIG PROFILE-ARCH: the check fails and says TEXT
	if check "$2" "$3" >"$top/said"; then
		echo "it passed"
		return 1
	fi
	cat "$top/said"
	[ "$(wc -l <"$top/said")" -eq 1 ] && grep -qF "$1" "$top/said"
}

each_off() { # FINAL PROFILE-ARCH: the check says no to each option of options-off that is set
	# the ones that the design promises stand here, so that nobody takes them off the list unseen
	for o in IO_URING BPF_SYSCALL USERFAULTFD DEVMEM DEVPORT IA32_EMULATION X86_X32_ABI COMPAT MODULES KEXEC MODIFY_LDT_SYSCALL; do
		grep -qx "CONFIG_$o" $t/options-off || {
			echo "CONFIG_$o is not in $t/options-off"
			return 1
		}
	done
	for o in $(grep '^CONFIG_' $t/options-off); do
		{ grep -v -e "^$o=" -e "^# $o is not set" "$1" && echo "$o=y"; } >"$top/config"
		says_no "$o is y, must be n (" "$top/config" "$2" || return 1
	done
}

for final in kernel/config/*.final; do
	of=${final##*/}
	of=${of%.final}
	ok "$of has every required option and no unwanted one" check "$final" "$of"
	sed 's/^CONFIG_NSM=y$/# CONFIG_NSM is not set/' "$final" >"$top/config"
	ok "$of without NSM is noticed" \
		says_no 'CONFIG_NSM is n, must be y (the devices of an enclave: announced on the command line, vsock, NSM ' "$top/config" "$of"
	sed 's/^# CONFIG_IO_URING is not set$/CONFIG_IO_URING=y/' "$final" >"$top/config"
	ok "$of with io_uring is noticed" says_no 'CONFIG_IO_URING is y, must be n (large system call surfaces' "$top/config" "$of"
	ok "$of with anything else that is unwanted is noticed" each_off "$final" "$of"
done
ok 'there are three of them' [ "$(echo kernel/config/*.final | wc -w)" -eq 3 ]
sed 's/^CONFIG_HZ=250$/CONFIG_HZ=1000/' kernel/config/nitro-x86_64.final >"$top/config"
ok 'another value is noticed' says_no 'CONFIG_HZ is 1000, must be 250 (timers)' "$top/config" nitro-x86_64
head -n 20 kernel/config/nitro-x86_64.final >"$top/config"
ok 'a file that is no configuration is noticed' says_no 'not a kernel configuration' "$top/config" nitro-x86_64

for arch in x86_64 aarch64; do
	c=kernel/cmdline-$arch
	ok "cmdline-$arch is one line of printable ASCII, single spaces" \
		sh -c "[ \"\$(wc -l <$c)\" -eq 1 ] && LC_ALL=C grep -qxE '[!-~]+( [!-~]+)*' $c"
	ok "cmdline-$arch begins with retain_initrd" grep -q '^retain_initrd ' $c
	# the x86 limit is 2048; before it come selfsame.rd0=, 20 digits and 96 hex, after it the devices' addresses
	ok "cmdline-$arch leaves room" [ "$(wc -c <$c)" -le 1024 ]
	ok "cmdline-$arch names no root file system and no other init" sh -c "! grep -qE '(^| )(root|init|rdinit)=' $c"
done
echo "1..$n"
