/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "crypto/x509_chain.h"
#include "fmt/der.h"

/* id-at, 2.5.4: the last byte of the attributes that have a short name. */
static const struct {
	uint8_t last;
	const char *name;
} attributes[] = { { 3, "CN" }, { 5, "serialNumber" }, { 6, "C" },  { 7, "L" },
		   { 8, "ST" }, { 10, "O" },           { 11, "OU" } };

static void put_text(struct ss_buf *b, const char *text)
{
	ss_buf_put(b, ss_text(text));
}

static void put_type(struct ss_buf *b, struct ss_span oid)
{
	char text[DER_OID_TEXT];

	for (size_t i = 0; i < SS_NELEMS(attributes); i++)
		if (oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x04 &&
		    oid.p[2] == attributes[i].last) {
			put_text(b, attributes[i].name);
			return;
		}
	der_oid_text(oid, text);
	put_text(b, text);
}

/* What would look like the next attribute is escaped like all else that is not to be shown. */
static void put_value(struct ss_buf *b, struct ss_span value)
{
	while (value.n > 0) {
		size_t n = 0;

		while (n < value.n && strchr(",+=", value.p[n]) == NULL)
			n++;
		ss_show_all(b, (struct ss_span){ value.p, n });
		if (n < value.n) {
			char escape[8];

			(void)snprintf(escape, sizeof(escape), "\\x%02x", value.p[n]);
			put_text(b, escape);
			n++;
		}
		value.p += n;
		value.n -= n;
	}
}

static void put_pair(struct ss_buf *b, struct der_in *pair)
{
	static const unsigned texts[] = { 0x0c, 0x13, 0x16 }; /* UTF8-, Printable-, IA5String */

	put_type(b, der_take(pair, DER_OID));
	put_text(b, "=");
	for (size_t i = 0; i < SS_NELEMS(texts); i++)
		if (der_is(pair, texts[i])) {
			put_value(b, der_take(pair, texts[i]));
			return;
		}
	der_skip(pair);
	put_text(b, "?");
}

void crypto_name_text(struct ss_span name, struct ss_buf *b)
{
	struct der_in outer = der_in_init(name);
	struct der_in list = der_open(&outer, DER_SEQUENCE);
	const char *between = "";

	while (der_more(&list)) {
		struct der_in set = der_open(&list, DER_SET);

		while (der_more(&set)) {
			struct der_in pair = der_open(&set, DER_SEQUENCE);

			put_text(b, between);
			put_pair(b, &pair);
			between = ", ";
		}
	}
}
