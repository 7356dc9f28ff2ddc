/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/boot_nsm.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/show.h"
#include "nsm/nsm.h"
#include "runtime/kernel_abi.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define POLICY_PCR 16u

static uint8_t request_room[NSM_MAX_REQUEST];
static uint8_t response_room[NSM_MAX_RESPONSE];

static int call(const struct rt_nsm *n, const struct ss_buf *request, struct ss_span *ret,
		struct ss_err *err)
{
	if (ss_buf_check(request, "NSM request", err) < 0)
		return -1;
	return nsm_call(n->fd, ss_buf_span(request), response_room, ret, err);
}

static int learn_module_id(struct rt_nsm *n, struct ss_err *err)
{
	struct ss_buf b = SS_BUF_OVER(request_room);
	struct nsm_description d;
	struct ss_span in;
	const char *shown;

	nsm_put_describe_nsm(&b);
	if (call(n, &b, &in, err) < 0 || nsm_read_describe_nsm(in, &d, err) < 0)
		return ss_ctx(err, "DescribeNSM");
	shown = SS_SHOW(d.module_id);
	memcpy(n->module_id, shown, strnlen(shown, sizeof(n->module_id) - 1));
	return 0;
}

static int learn_pcr0(struct rt_nsm *n, struct ss_err *err)
{
	struct ss_buf b = SS_BUF_OVER(request_room);
	struct nsm_pcr pcr;
	struct ss_span in;

	nsm_put_describe_pcr(&b, 0);
	if (call(n, &b, &in, err) < 0 || nsm_read_describe_pcr(in, &pcr, err) < 0)
		return ss_ctx(err, "DescribePCR");
	ss_hex((struct ss_span){ pcr.value, sizeof(pcr.value) }, n->pcr0);
	return 0;
}

int rt_nsm_init(struct rt_nsm *ret, struct ss_err *err)
{
	struct rt_nsm n = { .fd = -1 };

	if (nsm_open(&n.fd, err) < 0)
		return -1;
	if (n.fd >= 0 && (learn_module_id(&n, err) < 0 || learn_pcr0(&n, err) < 0))
		return -1;
	*ret = n;
	return 0;
}

int rt_is_local_kernel(bool *ret, struct ss_err *err)
{
	static const char suffix[] = "-local";
	struct utsname u;
	size_t n;

	if (uname(&u) < 0)
		return ss_fail_sys(err, "cannot learn the kernel's release");
	n = strlen(u.release);
	*ret = n > sizeof(suffix) && strcmp(u.release + n - (sizeof(suffix) - 1), suffix) == 0;
	return 0;
}

int rt_nsm_entropy(const struct rt_nsm *n, struct ss_err *err)
{
	struct ss_buf b = SS_BUF_OVER(request_room);
	struct {
		int32_t credit_bits;
		int32_t size;
		uint8_t bytes[NSM_MAX_RANDOM];
	} pool;
	AUTO_CLOSE int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);
	struct ss_span random;
	struct ss_span in;
	long rc;

	if (fd < 0)
		return ss_fail_sys(err, "cannot open /dev/random");
	nsm_put_get_random(&b);
	if (call(n, &b, &in, err) < 0 || nsm_read_get_random(in, &random, err) < 0)
		return ss_ctx(err, "GetRandom");
	if (random.n != NSM_MAX_RANDOM)
		return ss_fail(err, SS_EINPUT, "GetRandom: %zu bytes, not %u", random.n,
			       NSM_MAX_RANDOM);
	memcpy(pool.bytes, random.p, random.n);
	pool.size = (int32_t)random.n;
	pool.credit_bits = 8 * pool.size;
	rc = syscall(SYS_ioctl, fd, (unsigned long)RT_RNDADDENTROPY, &pool);
	explicit_bzero(&pool, sizeof(pool));
	explicit_bzero(response_room, sizeof(response_room));
	if (rc < 0)
		return ss_fail_sys(err, "the kernel does not take the random bytes");
	return 0;
}

int rt_nsm_policy(const struct rt_nsm *n, bool app_has_nsm, struct ss_err *err)
{
	const char *text = app_has_nsm ? "selfsame/1 nsm=1" : "selfsame/1 nsm=0";
	struct ss_buf b = SS_BUF_OVER(request_room);
	uint8_t value[NSM_PCR_SIZE];
	struct ss_span in;

	nsm_put_extend_pcr(&b, POLICY_PCR, (struct ss_span){ (const uint8_t *)text, strlen(text) });
	if (call(n, &b, &in, err) < 0 || nsm_read_extend_pcr(in, value, err) < 0)
		return ss_ctx(err, "ExtendPCR %u", POLICY_PCR);
	b.n = 0;
	nsm_put_lock_pcr(&b, POLICY_PCR);
	if (call(n, &b, &in, err) < 0 || nsm_read_lock_pcr(in, err) < 0)
		return ss_ctx(err, "LockPCR %u", POLICY_PCR);
	return 0;
}
