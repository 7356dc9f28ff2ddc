/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/egress.h"

#include "base/show.h"

#include <string.h>

#define MAX_LABEL 63u
#define NO_GAP SIZE_MAX

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static struct ss_span part(struct ss_span s, size_t from, size_t to)
{
	return (struct ss_span){ s.p + from, to - from };
}

/* --- addresses as text ------------------------------------------------------------------------ */

/* A decimal number of at most `max` that fills `s`, without zeros in front. */
static bool read_decimal(struct ss_span s, uint32_t max, uint32_t *ret)
{
	uint32_t v = 0;

	if (s.n == 0 || s.n > 5 || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	*ret = v;
	return v <= max;
}

/* Four decimal numbers: nothing shorter, no hex, no octal. */
static bool read_v4(struct ss_span s, uint8_t ret[4])
{
	size_t from = 0;

	for (size_t i = 0; i < 4; i++) {
		size_t to = from;
		uint32_t v;

		while (to < s.n && s.p[to] != '.')
			to++;
		if (from > s.n || (i < 3) != (to < s.n) ||
		    !read_decimal(part(s, from, to), 255, &v))
			return false;
		ret[i] = (uint8_t)v;
		from = to + 1;
	}
	return true;
}

/* 1 … 4 hex digits from *at on, which moves behind them. */
static bool read_group(struct ss_span s, size_t *at, uint8_t ret[2])
{
	const size_t from = *at;
	uint32_t v = 0;

	for (; *at < s.n; (*at)++) {
		const uint8_t c = lower(s.p[*at]);

		if (is_digit(c))
			v = v * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (uint32_t)(c - 'a') + 10;
		else
			break;
		if (*at - from == 4)
			return false;
	}
	ret[0] = (uint8_t)(v >> 8);
	ret[1] = (uint8_t)v;
	return *at > from;
}

struct v6 {
	uint8_t out[16];
	size_t n;   /* bytes read so far */
	size_t gap; /* where "::" stands among them */
};

/* One group, or IPv4 as the last two. */
static bool read_piece(struct ss_span s, size_t *at, struct v6 *v)
{
	const size_t from = *at;

	if (v->n > 14 || !read_group(s, at, v->out + v->n))
		return false;
	if (*at == s.n || s.p[*at] != '.') {
		v->n += 2;
		return true;
	}
	*at = s.n;
	if (v->n > 12 || !read_v4(part(s, from, s.n), v->out + v->n))
		return false;
	v->n += 4;
	return true;
}

/* What stands between two pieces, or "::" at the end. */
static bool read_colons(struct ss_span s, size_t *at, struct v6 *v)
{
	if (s.p[(*at)++] != ':' || *at == s.n)
		return false;
	if (s.p[*at] != ':')
		return true;
	if (v->gap != NO_GAP)
		return false;
	v->gap = v->n;
	(*at)++;
	return true;
}

/* RFC 4291 §2.2 with its three forms; no zone. */
static bool read_v6(struct ss_span s, uint8_t ret[16])
{
	struct v6 v = { .gap = NO_GAP };
	size_t at = 0;

	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		v.gap = 0;
		at = 2;
	}
	while (at < s.n) {
		if (!read_piece(s, &at, &v))
			return false;
		if (at < s.n && !read_colons(s, &at, &v))
			return false;
	}
	if (v.gap == NO_GAP ? v.n != 16 : v.n > 14)
		return false;
	if (v.gap != NO_GAP) {
		memmove(v.out + 16 - (v.n - v.gap), v.out + v.gap, v.n - v.gap);
		memset(v.out + v.gap, 0, 16 - v.n);
	}
	memcpy(ret, v.out, 16);
	return true;
}

static bool is_mapped(const uint8_t addr[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

/* --- names -------------------------------------------------------------------------------------
 */

static struct ss_span without_dot(struct ss_span name)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

static bool is_letter(uint8_t c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

/* As the last label such a number makes an address of the whole for inet_aton(), or nothing. */
static bool is_number(struct ss_span label)
{
	const bool hex = label.n >= 2 && label.p[0] == '0' && lower(label.p[1]) == 'x';

	for (size_t i = hex ? 2 : 0; i < label.n; i++) {
		const uint8_t c = lower(label.p[i]);

		if (!is_digit(c) && !(hex && c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

bool egress_is_name(struct ss_span name)
{
	const struct ss_span s = without_dot(name);
	size_t label = 0; /* where it begins */

	if (s.n == 0 || s.n > EGRESS_MAX_NAME)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && i > label)
			label = i + 1;
		else if (!is_letter(s.p[i]) || i - label >= MAX_LABEL)
			return false;
	}
	return label < s.n && !is_number(part(s, label, s.n));
}

static bool ends_with(struct ss_span s, struct ss_span end)
{
	if (s.n < end.n)
		return false;
	for (size_t i = 0; i < end.n; i++)
		if (lower(s.p[s.n - end.n + i]) != lower(end.p[i]))
			return false;
	return true;
}

/* --- reading a rule ----------------------------------------------------------------------------
 */

static int refuse(struct ss_span text, const char *why, struct ss_err *err)
{
	return ss_fail(err, SS_EINPUT, "'%s': %s", SS_SHOW(text), why);
}

/* Where the port's colon stands; s.n = nowhere. */
static size_t find_colon(struct ss_span s)
{
	size_t at = s.n;

	while (at > 0 && s.p[at - 1] != ':' && s.p[at - 1] != ']')
		at--;
	return at > 0 && s.p[at - 1] == ':' ? at - 1 : s.n;
}

static size_t find_byte(struct ss_span s, uint8_t c)
{
	const uint8_t *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return p != NULL ? (size_t)(p - s.p) : s.n;
}

static bool read_port(struct ss_span s, uint16_t *ret)
{
	uint32_t v = 0;

	if (s.n == 1 && s.p[0] == '*') {
		*ret = 0;
		return true;
	}
	if (!read_decimal(s, UINT16_MAX, &v) || v == 0)
		return false;
	*ret = (uint16_t)v;
	return true;
}

/* True if no bit behind the first `bits` is set. */
static bool is_prefix(const uint8_t *addr, size_t n, uint8_t bits)
{
	for (size_t i = 0; i < n; i++) {
		const size_t before = 8 * i;
		const unsigned in = bits >= before + 8 ? 8
				    : bits > before    ? (unsigned)(bits - before)
						       : 0;

		if ((addr[i] & (0xffu >> in)) != 0)
			return false;
	}
	return true;
}

static const char *read_bits(struct ss_span host, size_t slash, uint32_t max, struct egress_rule *r)
{
	uint32_t bits = max;

	if (slash < host.n && !read_decimal(part(host, slash + 1, host.n), max, &bits))
		return max == 32 ? "the prefix must be /0 to /32" : "the prefix must be /0 to /128";
	r->bits = (uint8_t)bits;
	if (!is_prefix(r->addr, max / 8, r->bits))
		return "the address has bits behind its prefix";
	return NULL;
}

static const char *read_host6(struct ss_span host, struct egress_rule *r)
{
	const size_t slash = find_byte(host, '/');

	r->kind = EGRESS_CIDR6;
	if (!read_v6(part(host, 0, slash), r->addr))
		return "not an IPv6 address in the brackets";
	if (is_mapped(r->addr))
		return "an IPv4 address in IPv6's form; write it as IPv4";
	return read_bits(host, slash, 128, r);
}

static const char *read_host(struct ss_span host, struct egress_rule *r)
{
	const size_t slash = find_byte(host, '/');
	const bool suffix = host.n >= 2 && host.p[0] == '*' && host.p[1] == '.';

	if (find_byte(host, ':') < host.n)
		return "an IPv6 address stands in brackets: [2001:db8::1]:443";
	if (read_v4(part(host, 0, slash), r->addr)) {
		r->kind = EGRESS_CIDR4;
		return read_bits(host, slash, 32, r);
	}
	r->kind = suffix ? EGRESS_SUFFIX : EGRESS_HOST;
	r->name = without_dot(part(host, suffix ? 1 : 0, host.n));
	if (!egress_is_name(part(host, suffix ? 2 : 0, host.n)))
		return find_byte(part(host, suffix ? 2 : 0, host.n), '*') <
				       host.n - (suffix ? 2 : 0)
			       ? "a '*' stands only before '.suffix' or as the port"
			       : "neither a host name nor an address";
	return NULL;
}

int egress_rule_read(struct ss_span text, struct egress_rule *ret, struct ss_err *err)
{
	const size_t colon = find_colon(text);
	struct ss_span host = part(text, 0, colon);
	struct egress_rule r = { 0 };
	const char *why;

	if (colon == text.n)
		return refuse(text, "no port: it must be host:port, or host:* for any", err);
	if (!read_port(part(text, colon + 1, text.n), &r.port))
		return refuse(text, "the port must be 1 to 65535 or *", err);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		why = read_host6(part(host, 1, host.n - 1), &r);
	else
		why = read_host(host, &r);
	if (why != NULL)
		return refuse(text, why, err);
	*ret = r;
	return 0;
}

/* --- asking -------------------------------------------------------------------------------------
 */

static bool in_range(const struct egress_rule *r, const uint8_t *addr)
{
	const size_t whole = r->bits / 8u;
	const unsigned rest = r->bits % 8u;

	if (memcmp(addr, r->addr, whole) != 0)
		return false;
	return rest == 0 || ((addr[whole] ^ r->addr[whole]) >> (8 - rest)) == 0;
}

static bool covers_addr(const struct egress_rule *r, const uint8_t *addr, size_t n)
{
	if (n == 16 && is_mapped(addr)) {
		addr += 12;
		n = 4;
	}
	return (r->kind == EGRESS_CIDR4 && n == 4 && in_range(r, addr)) ||
	       (r->kind == EGRESS_CIDR6 && n == 16 && in_range(r, addr));
}

static bool allows_port(const struct egress_rule *r, uint16_t port)
{
	return r->port == 0 || r->port == port;
}

bool egress_allows_addr(const struct egress_rule *r, const uint8_t *addr, size_t n_addr,
			uint16_t port)
{
	return allows_port(r, port) && covers_addr(r, addr, n_addr);
}

bool egress_knows_name(const struct egress_rule *r, struct ss_span name)
{
	const struct ss_span s = without_dot(name);
	uint8_t addr[16];

	if (read_v4(name, addr))
		return covers_addr(r, addr, 4);
	if (read_v6(name, addr))
		return covers_addr(r, addr, 16);
	if (!egress_is_name(s))
		return false;
	if (r->kind == EGRESS_SUFFIX)
		return s.n > r->name.n && ends_with(s, r->name);
	return r->kind == EGRESS_HOST && s.n == r->name.n && ends_with(s, r->name);
}

bool egress_allows_name(const struct egress_rule *r, struct ss_span name, uint16_t port)
{
	return allows_port(r, port) && egress_knows_name(r, name);
}
