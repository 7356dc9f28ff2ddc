/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/meminfo.h"

#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

int rt_meminfo_read(struct ss_span text, uint64_t *ret, struct ss_err *err)
{
	static const char key[] = "\nMemAvailable:";
	const size_t key_n = sizeof(key) - 1;
	const uint8_t *at = text.n > 0 ? memmem(text.p, text.n, key, key_n) : NULL;
	struct ss_cur c;
	uint64_t kib = 0;
	uint8_t d;

	if (at == NULL)
		return ss_fail(err, SS_EINPUT, "/proc/meminfo without MemAvailable");
	c = ss_cur_init(text);
	(void)ss_cur_take(&c, (size_t)(at - text.p) + key_n);
	do
		d = ss_cur_u8(&c);
	while (d == ' ');
	for (; d >= '0' && d <= '9' && kib < UINT64_MAX / (1u << 14); d = ss_cur_u8(&c))
		kib = kib * 10 + (uint64_t)(d - '0');
	if (d != ' ')
		return ss_fail(err, SS_EINPUT, "/proc/meminfo: MemAvailable is no number");
	*ret = kib * 1024;
	return 0;
}

int rt_meminfo_available(uint64_t *ret, struct ss_err *err)
{
	uint8_t text[2048]; /* it is the third line */
	AUTO_CLOSE int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || (n = read(fd, text, sizeof(text))) < 0)
		return ss_fail_sys(err, "cannot read /proc/meminfo");
	return rt_meminfo_read((struct ss_span){ text, (size_t)n }, ret, err);
}
