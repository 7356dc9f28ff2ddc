/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the place of init in ramdisk 0 to try the rig itself: the heartbeat, an echo on port 7 with
 * many bytes in both directions at once, a call to nobody, and a listener that local programs call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST 3u
#define TOTAL ((size_t)8 << 20)
#define LISTEN_PORT 5000u
#define CALLERS 20

static uint8_t block_out[65536], block_in[65536];

static uint8_t byte_at(size_t i)
{
	return (uint8_t)((i * 2654435761u) >> 13);
}

static int call(unsigned port)
{
	const struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = HOST, .svm_port = port };
	const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
		printf("call %u: %s\n", port, strerror(errno));
		return -1;
	}
	return fd;
}

static void heartbeat(void)
{
	const int fd = call(9000);
	uint8_t beat = 0xb7;

	if (fd < 0 || write(fd, &beat, 1) != 1 || read(fd, &beat, 1) != 1)
		beat = 0;
	printf("heartbeat %02x\n", beat);
	(void)close(fd);
}

/* Writes and reads at the same time, checks every byte, ends its half and waits for the other's. */
static void echo(void)
{
	const int fd = call(7);
	size_t out = 0, in = 0, bad = 0;

	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while (fd >= 0 && in < TOTAL) {
		struct pollfd p = { fd, POLLIN | (out < TOTAL ? POLLOUT : 0), 0 };
		ssize_t n;

		if (poll(&p, 1, 20000) <= 0)
			break;
		if ((p.revents & POLLOUT) != 0 && out < TOTAL) {
			const size_t left = TOTAL - out;

			for (size_t i = 0; i < sizeof(block_out); i++)
				block_out[i] = byte_at(out + i);
			n = write(fd, block_out,
				  left < sizeof(block_out) ? left : sizeof(block_out));
			out += n > 0 ? (size_t)n : 0;
			if (out == TOTAL)
				(void)shutdown(fd, SHUT_WR);
		}
		if ((p.revents & (POLLIN | POLLHUP)) != 0) {
			n = read(fd, block_in, sizeof(block_in));
			if (n == 0)
				break;
			for (ssize_t i = 0; i < n; i++)
				bad += block_in[i] != byte_at(in + (size_t)i);
			in += n > 0 ? (size_t)n : 0;
		}
	}
	(void)fcntl(fd, F_SETFL, 0);
	printf("echo out %zu in %zu wrong %zu end %zd\n", out, in, bad,
	       read(fd, block_in, sizeof(block_in)));
	(void)close(fd);
}

/* Each caller's bytes go back to it; a caller that sends "end" is the last. */
static void serve(void)
{
	const struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				       .svm_cid = VMADDR_CID_ANY,
				       .svm_port = LISTEN_PORT };
	const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0)
		printf("listen: %s\n", strerror(errno));
	printf("listening on %u\n", LISTEN_PORT);
	for (int i = 0; i < CALLERS; i++) {
		const int c = accept(fd, NULL, NULL);
		size_t total = 0;
		ssize_t n;

		while ((n = read(c, block_in, sizeof(block_in))) > 0) {
			total += (size_t)n;
			for (ssize_t at = 0, w; at<n; at += w> 0 ? w : n)
				w = write(c, block_in + at, (size_t)(n - at));
		}
		printf("caller %d sent %zu\n", i, total);
		(void)close(c);
		if (total == 3 && memcmp(block_in, "end", 3) == 0)
			break;
	}
	(void)close(fd);
}

int main(void)
{
	int console;

	(void)mkdir("/dev", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	console = open("/dev/console", O_RDWR);
	(void)dup2(console, 0);
	(void)dup2(console, 1);
	(void)dup2(console, 2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	heartbeat();
	echo();
	(void)call(12345);
	serve();
	printf("guest done\n");
	(void)reboot(RB_AUTOBOOT);
	return 1;
}
