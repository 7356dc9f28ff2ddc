/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/metadata.h"

#include "base/date.h"
#include "base/show.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

/* One character of a JSON string, escaped as serde_json does it: only where JSON demands it. */
static void put_char(struct ss_buf *b, uint8_t c)
{
	static const char short_form[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char escaped[8];

	for (size_t i = 0; i + 1 < sizeof(short_form); i += 2) {
		if ((uint8_t)short_form[i] == c) {
			ss_buf_put(b, ss_text("\\"));
			ss_buf_put(b, (struct ss_span){ (const uint8_t *)&short_form[i + 1], 1 });
			return;
		}
	}
	if (c < 0x20) {
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		ss_buf_put(b, ss_text(escaped));
	} else {
		ss_buf_put(b, (struct ss_span){ &c, 1 });
	}
}

/* `before` is the JSON up to the string, its key included. */
static void put_string(struct ss_buf *b, const char *before, const char *value)
{
	assert(ss_is_text(ss_text(value)));
	ss_buf_put(b, ss_text(before));
	ss_buf_put(b, ss_text("\""));
	for (const char *c = value; *c != '\0'; c++)
		put_char(b, (uint8_t)*c);
	ss_buf_put(b, ss_text("\""));
}

void eif_metadata_write(const struct eif_metadata *m, struct ss_buf *b)
{
	char time[SS_DATE_SIZE];

	ss_date_text(m->build_time, time);
	put_string(b, "{\"ImageName\":", m->name);
	put_string(b, ",\"ImageVersion\":", m->version);
	put_string(b, ",\"BuildMetadata\":{\"BuildTime\":", time);
	put_string(b, ",\"BuildTool\":", "selfsame");
	put_string(b, ",\"BuildToolVersion\":", m->tool_version);
	put_string(b, ",\"OperatingSystem\":", "Linux");
	put_string(b, ",\"KernelVersion\":", m->kernel_version);
	ss_buf_put(b, ss_text("},\"DockerInfo\":null,\"CustomMetadata\":null}"));
}

/* x86 boot protocol (Documentation/arch/x86/boot.rst): little-endian, from the kernel's start. */
#define AT_BOOT_FLAG 0x1feu /* 0xaa55 */
#define AT_MAGIC 0x202u     /* "HdrS" */
#define AT_PROTOCOL 0x206u  /* 2.00 and later have the field below */
#define AT_VERSION 0x20eu   /* where the text lies, less 0x200; 0 = nowhere */

static unsigned le16(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static struct ss_span bzimage_version(struct ss_span head)
{
	const struct ss_span none = { NULL, 0 };
	size_t at, n;

	if (head.n < AT_VERSION + 2 || le16(head.p + AT_BOOT_FLAG) != 0xaa55 ||
	    memcmp(head.p + AT_MAGIC, "HdrS", 4) != 0 || le16(head.p + AT_PROTOCOL) < 0x200 ||
	    le16(head.p + AT_VERSION) == 0)
		return none;
	at = le16(head.p + AT_VERSION) + (size_t)0x200;
	for (n = 0; at + n < head.n && n < EIF_KERNEL_VERSION_SIZE; n++) {
		const uint8_t c = head.p[at + n];

		if (c == ' ' || c == '\0')
			return (struct ss_span){ head.p + at, n };
		if (c < 0x21 || c > 0x7e)
			return none;
	}
	return none; /* no end within the room */
}

void eif_kernel_version(struct ss_span head, char ret[EIF_KERNEL_VERSION_SIZE])
{
	struct ss_span v = bzimage_version(head);

	if (v.n == 0)
		v = ss_text("Unknown");
	memcpy(ret, v.p, v.n);
	ret[v.n] = '\0';
}
