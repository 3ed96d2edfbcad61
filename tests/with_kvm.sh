#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What ci/with-kvm refuses and says before it starts a host, and what a host in software does: input,
# terminal, status, logs, one that dies; and what anvil does where KVM has no VMX or SVM below it.
# Usage: tests/with_kvm.sh [--no-host] ANVIL; --no-host: only what needs none
hosts=yes
[ "${1:-}" != --no-host ] || { hosts= && shift; }
. "$(dirname "$0")/lib.sh"
# beside the line that tells which way was chosen
complaints() {
	grep -v 'in a KVM host in software$' "$work/err"
}

anvil=$1
work=build/with-kvm-test
rm -rf "$work"
mkdir -p "$work/bin"
export WITH_KVM=software

refuses 'no command; give one' ci/with-kvm
refuses 'no option --fast; there are --which' ci/with-kvm --fast
refuses 'WITH_KVM_TIMEOUT=soon is no number' env WITH_KVM_TIMEOUT=soon ci/with-kvm true
refuses 'WITH_KVM_MEMORY=1G is no number' env WITH_KVM_MEMORY=1G ci/with-kvm true
refuses 'WITH_KVM=kvm is neither' env WITH_KVM=kvm ci/with-kvm true
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 build "$work"
	nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
	if $nobody test -x "$PWD/ci"; then
		refuses 'only root can share files with one in software; try: sudo' $nobody ci/with-kvm true
	else
		echo 'SKIPPED: a user without rights (this checkout is for root alone)'
	fi
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIPPED: a KVM host in software, which takes root"
	finish with-kvm
fi

# A command's path may have any character
mkdir -p "$work/a b's=c"
printf '#!/bin/sh\necho "$0: $*"\n' >"$work/a b's=c/tool"
chmod 755 "$work/a b's=c/tool"
WITH_KVM=direct ci/with-kvm "$work/a b's=c/tool" 'x y' >"$work/out" 2>"$work/err"
is 'what a command with a blank and = in its path says' "$work/a b's=c/tool: x y" "$(cat "$work/out")"

# ---- paths ----

outside=$(mktemp -d /tmp/with-kvm.XXXXXX)
trap 'rm -rf "$outside"' EXIT
: >"$outside/a=b"
truncate -s 4096 "$outside/disk"
ln -s "$outside/disk" "$work/link"
hidden='does not see it, as /tmp there is its own'
for argument in "$outside/disk" "$outside/disk,ro" "in=$outside/disk" "pcap:$outside/disk,limit=1" \
	"--kernel=$outside/disk" "$outside/../${outside#/tmp/}/disk" "$outside/a=b" "$work/link" "x=y=$outside/disk"; do
	refuses "$hidden" ci/with-kvm cat "$argument"
	grep -qF "can write in $PWD/build: copy it there" "$work/err" || fail "does not say what to do: $argument"
done
refuses "$hidden" ci/with-kvm "$outside/disk"
refuses 'does not see this folder' sh -c 'cd "$0" && exec "$@"' "$outside" "$PWD/ci/with-kvm" true
refuses 'cannot write it' ci/with-kvm "$anvil" boot --disk README.md
refuses 'or add ,ro' ci/with-kvm "$anvil" boot --disk=README.md,raw
for device in /dev/loop0 /dev/vda /dev/sda /dev/nvme0n1; do
	[ ! -b $device ] || refuses 'none of this machine' ci/with-kvm "$anvil" boot --disk $device
done

ends() {
	rm -rf "$outside"
	finish with-kvm
}

[ "$hosts" ] || ends
for tool in qemu-system-x86_64 script python3; do
	command -v $tool >/dev/null || {
		echo "SKIPPED: hosts in software (no $tool; run ci/deps)"
		ends
	}
done

# ---- a host ----

printf '#!/bin/sh\nsha256sum\n' >"$work/a b's=c/sum"
chmod 755 "$work/a b's=c/sum"
# Two at one time: each has its own input, output, status
printf '1\n2\n' >"$work/in1"
head -c 300000 /dev/urandom | od -A n -t x1 >"$work/in2"
ci/with-kvm sh -c 'cat; exec 2>&1; test -e /tmp/x || exit 3' <"$work/in1" >"$work/out1" 2>"$work/err1" &
one=$!
ci/with-kvm "$work/a b's=c/sum" <"$work/in2" >"$work/out2" 2>"$work/err2"
is 'the status of one that ends well' 0 $?
wait $one
is 'the status of one that does not' 3 $?
is 'what it got' "$(cat "$work/in1")" "$(cat "$work/out1")"
is 'the sum of much input' "$(sha256sum <"$work/in2")" "$(cat "$work/out2")"

# ---- neither VMX nor SVM, beside the rest ----

# A kernel of which nothing is heard: Debian's, with a loop at its 64-bit entry
mkdir -p "$work/silent/boot"
ln -s ../../guest-kernel/lib "$work/silent/lib"
python3 - build/guest-kernel/vmlinuz "$work/silent/boot/vmlinuz" <<'END'
import sys
kernel = bytearray(open(sys.argv[1], "rb").read())
entry = (kernel[0x1f1] + 1) * 512 + 0x200
kernel[entry:entry + 2] = b"\xeb\xfe"
open(sys.argv[2], "wb").write(kernel)
END
cat >"$work/off" <<'END'
#!/bin/sh
echo "it runs"
poweroff -f
END
ci/initramfs "$work/initrd" "$work/off"
cat >"$work/hide" <<END
#!/bin/sh
printf 'flags\\t\\t: fpu svm_lock\\n' >/run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo || exit
timeout 60 $anvil boot --memory 128 --kernel $work/silent/boot/vmlinuz </dev/null
echo "boot: \$?"
timeout 60 $anvil play --quiet --on linux --kernel $work/silent/boot/vmlinuz corpora/fuzz_blk/read_one_sector
echo "play: \$?"
timeout 100 $anvil boot --memory 128 --kernel build/guest-kernel/vmlinuz --initrd $work/initrd \\
	--cmdline 'console=ttyS0 quiet' </dev/null
echo "stock: \$?"
END
ci/with-kvm sh "$work/hide" >"$work/hide.out" 2>"$work/hide.err" &
hide=$!

# ---- hosts that die, and that have a terminal ----

# A host that dies before the command begins, which gets all its input nevertheless
cat >"$work/bin/qemu-system-x86_64" <<END
#!/bin/sh
if mkdir '$PWD/$work/died' 2>/dev/null; then
	echo 'Kernel panic: for a test' >console.log
	exit 1
fi
exec $(command -v qemu-system-x86_64) "\$@"
END
chmod 755 "$work/bin/qemu-system-x86_64"
PATH=$PWD/$work/bin:$PATH ci/with-kvm cat <"$work/in1" >"$work/out1" 2>"$work/err1"
is 'the status after a host that died' 0 $?
is 'what it got' "$(cat "$work/in1")" "$(cat "$work/out1")"
line=$(grep 'once more' "$work/err1")
case $line in
*'died before the command began'*'Kernel panic: for a test'*) pass ;;
*) fail "a host that dies is told as: $line" ;;
esac
logs=$(expr "$line" : '.*(\(build/with-kvm/failed[^)]*\))')
is 'its log' 'Kernel panic: for a test' "$(cat "$logs/console.log")"
rm -rf "$logs"

# A terminal is one there, too, of the same size, and Ctrl-C is the command's
cat >"$work/asks" <<'END'
test -t 0 && test -t 1 && test -t 2 && stty size
echo ready
read -r word
echo "has $word"
trap 'echo awake; exit 7' INT
echo asleep
while :; do sleep 1; done
END
{
	for step in ready:word asleep:$(printf '\003') awake:; do
		for i in $(seq 100); do
			! grep -q "^${step%:*}" "$work/terminal" 2>/dev/null || break
			sleep 1
		done
		printf '%s\n' "${step#*:}"
	done
} | timeout 200 script -qefc "stty rows 33 cols 99; ci/with-kvm sh $work/asks" "$work/terminal" >/dev/null
is 'the status on a terminal' 7 $?
tr -d '\r' <"$work/terminal" >"$work/screen"
for line in '33 99' ready 'has word' awake; do
	is 'a line on a terminal' "$line" "$(grep -x "$line" "$work/screen")"
done

wait $hide
is 'the end of a silent guest, of one that plays, and of a stock one' 'boot: 2 play: 2 it runs stock: 0 ' \
	"$(grep -E '^(boot|play|stock|it runs)' "$work/hide.out" | tr -d '\r' | tr '\n' ' ')"
is 'what is told of the first two' 2 "$(grep -c 'neither VMX nor SVM, without which KVM runs no stock kernel; ci/with-kvm' "$work/hide.err")"
is 'what is left of runs' '' "$(ls build/with-kvm | grep '^run')"
ends
