/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_reach.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "io/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4 12u /* where IPv4's bytes are */

/* --- numbers -------------------------------------------------------------------------------------
 */

struct range {
	uint8_t at[16];
	unsigned bits;
	enum rec_reach what;
};

#define MAPPED 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

/* What is link-local and a cloud's is the cloud's: the first row that fits. */
static const struct range ranges[] = {
	/* AWS, Google, Azure, Oracle, OpenStack and others; 169.254.170.2: AWS's containers */
	{ { MAPPED, 169, 254, 169, 254 }, 128, REC_REACH_METADATA },
	{ { MAPPED, 169, 254, 170, 2 }, 128, REC_REACH_METADATA },
	{ { MAPPED, 100, 100, 100, 200 }, 128, REC_REACH_METADATA },             /* Alibaba */
	{ { MAPPED, 168, 63, 129, 16 }, 128, REC_REACH_METADATA },               /* Azure's host */
	{ { MAPPED, 192, 0, 0, 192 }, 128, REC_REACH_METADATA },                 /* Oracle */
	{ { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, REC_REACH_METADATA }, /* AWS */
	{ { 0xfd, 0, 0x0e, 0xc2, [15] = 0x23 }, 128, REC_REACH_METADATA }, /* AWS's containers */
	{ { 0xfd, 0x20, 0, 0xce, [14] = 0x02, 0x54 }, 128, REC_REACH_METADATA }, /* Google */
	{ { 0xfd, 0, 0, 0x42, [15] = 0x42 }, 128, REC_REACH_METADATA },          /* Scaleway */
	{ { 0xfd, 0, 0, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe },
	  128,
	  REC_REACH_METADATA }, /* Oracle */
	{ { MAPPED, 0 }, 104, REC_REACH_SELF },
	{ { MAPPED, 127 }, 104, REC_REACH_SELF },
	{ { 0 }, 127, REC_REACH_SELF }, /* :: and ::1 */
	{ { MAPPED, 169, 254 }, 112, REC_REACH_LINK },
	{ { 0xfe, 0x80 }, 10, REC_REACH_LINK },
};

static bool fits(const uint8_t a[16], const struct range *r)
{
	const unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(a, r->at, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ r->at[whole]) >> (8 - rest)) == 0;
}

/* IPv4 inside: mapped, compatible (long forgotten, still written), and the translators' forms. */
static void unwrap(const uint8_t in[16], uint8_t ret[16])
{
	static const struct {
		uint8_t front[12];
		unsigned bytes;
		unsigned v4;
	} forms[] = {
		{ { 0 }, 12, 12 },                        /* ::a.b.c.d */
		{ { 0, 0x64, 0xff, 0x9b }, 12, 12 },      /* RFC 6052 */
		{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, 12 }, /* RFC 8215 */
		{ { 0x20, 0x02 }, 2, 2 },                 /* RFC 3056 */
		{ { [8] = 0xff, 0xff }, 12, 12 },         /* RFC 2765 */
	};
	static const uint8_t mapped[V4] = { MAPPED };

	memcpy(ret, in, 16);
	for (size_t i = 0; i < SS_NELEMS(forms); i++) {
		if (memcmp(in, forms[i].front, forms[i].bytes) != 0)
			continue;
		if (i == 0 && in[12] == 0 && in[13] == 0 && in[14] == 0 && in[15] <= 1)
			return; /* :: and ::1 */
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + V4, in + forms[i].v4, 4);
		return;
	}
}

enum rec_reach rec_reach_of(const uint8_t address[16])
{
	uint8_t a[16];

	unwrap(address, a);
	for (size_t i = 0; i < SS_NELEMS(ranges); i++)
		if (fits(a, &ranges[i]))
			return ranges[i].what;
	return REC_REACH_ANY;
}

/* --- names ---------------------------------------------------------------------------------------
 */

static bool ends_with(struct ss_span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n >= n && ss_is_folded((struct ss_span){ s.p + s.n - n, n }, end);
}

enum rec_reach rec_reach_of_name(struct ss_span host)
{
	static const char *const metadata[] = {
		"metadata",      "metadata.google.internal",   "metadata.goog",
		"instance-data", "instance-data.ec2.internal",
	};

	while (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (ss_is_folded(host, "localhost") || ends_with(host, ".localhost"))
		return REC_REACH_SELF;
	for (size_t i = 0; i < SS_NELEMS(metadata); i++)
		if (ss_is_folded(host, metadata[i]))
			return REC_REACH_METADATA;
	return REC_REACH_ANY;
}

/* --- judging -------------------------------------------------------------------------------------
 */

void rec_reach_where(const char *url, char ret[REC_REACH_WHERE])
{
	const bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = strstr(url, "://");
	size_t n;

	host = host != NULL ? host + 3 : url;
	n = strcspn(host, "/?#");
	if (n > REC_REACH_WHERE - 8)
		n = REC_REACH_WHERE - 8;
	(void)snprintf(ret, REC_REACH_WHERE, "%.*s", (int)n, host);
	if (ret[n > 0 ? n - 1 : 0] == ']' || memchr(ret, ':', n) == NULL)
		(void)snprintf(ret + n, REC_REACH_WHERE - n, tls ? ":443" : ":80");
}

bool rec_reach_is_listed(const struct cfg_texts *list, const char *where)
{
	for (size_t i = 0; list != NULL && i < list->n; i++)
		if (strcmp(list->v[i], where) == 0)
			return true;
	return false;
}

static const char *words(enum rec_reach what)
{
	switch (what) {
	case REC_REACH_ANY:
		break;
	case REC_REACH_SELF:
		return "this machine";
	case REC_REACH_LINK:
		return "only on this machine's link";
	case REC_REACH_METADATA:
		return "a cloud's metadata service";
	}
	return "anybody's";
}

static int refuse(const char *where, const char *address, enum rec_reach what, struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT,
		       "'%s' is %s%s%s%s: no step may ask it, unless 'build.local' in "
		       "enclave.toml lists it",
		       SS_SHOW(ss_text(where)), words(what), address[0] != '\0' ? " (" : "",
		       address, address[0] != '\0' ? ")" : "");
}

int rec_reach_check(const struct cfg_texts *list, const char *where, const uint8_t address[16],
		    struct ss_err *err)
{
	static const uint8_t mapped[V4] = { MAPPED };
	enum rec_reach what = rec_reach_of(address);
	const bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN] = "";

	if (what == REC_REACH_ANY && io_address_is_own(address))
		what = REC_REACH_SELF;
	if (what == REC_REACH_ANY || rec_reach_is_listed(list, where))
		return 0;
	(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + V4 : address, text, sizeof(text));
	return refuse(where, text, what, err);
}

int rec_reach_check_name(const struct cfg_texts *list, const char *where, struct ss_err *err)
{
	const char *colon = strrchr(where, ':');
	struct ss_span host = { (const uint8_t *)where,
				colon != NULL ? (size_t)(colon - where) : strlen(where) };
	uint8_t address[16];
	enum rec_reach what;
	char name[REC_REACH_WHERE];

	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct ss_span){ host.p + 1, host.n - 2 };
	(void)snprintf(name, sizeof(name), "%.*s", (int)host.n, (const char *)host.p);
	if (io_address_read(name, address))
		return rec_reach_check(list, where, address, err);
	what = rec_reach_of_name(host);
	if (what == REC_REACH_ANY || rec_reach_is_listed(list, where))
		return 0;
	return refuse(where, "", what, err);
}
