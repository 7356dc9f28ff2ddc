/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* Which rule looks at which command, and what any command's words may hold. */

struct rule {
	const char *names; /* " a b " */
	void (*look)(const struct lint_cmd *c);
};

static const struct rule rules[] = {
	{ " apt-get apt aptitude add-apt-repository apt-add-repository apk dnf yum microdnf tdnf "
	  "zypper pacman ",
	  lint_system },
	{ " pip pip3 pipx uv poetry pipenv conda mamba micromamba easy_install ", lint_python },
	{ " npm npx yarn yarnpkg pnpm bun gem bundle bundler pecl pear composer cpan cpanm carton "
	  "luarocks mix ",
	  lint_script_package },
	{ " go cargo cargo-binstall rustup dotnet opam cabal brew snap nix-env nvm ",
	  lint_compiled_package },
	{ " curl wget aria2c git svn hg ", lint_fetch },
	{ " date uuidgen dbus-uuidgen systemd-machine-id-setup shuf sort pwgen apg ssh-keygen "
	  "openssl gpg gpg2 wg certtool keytool mkcert make-ssl-cert age-keygen dropbearkey "
	  "chpasswd "
	  "mkpasswd htpasswd hostname hostnamectl uname nproc lscpu free dmidecode lsblk uptime "
	  "getconf useradd adduser groupadd addgroup printf ",
	  lint_machine },
	{ " tar gzip pigz zip jar find ", lint_pack },
};

/* Tools that write SOURCE_DATE_EPOCH in place of the clock. */
static const char epoch_tools[] =
	" gcc g++ cc c++ clang clang++ make gmake ninja rpmbuild dpkg-buildpackage debuild "
	"mksquashfs "
	"mkisofs genisoimage xorriso sphinx-build doxygen help2man pod2man pdflatex xelatex "
	"lualatex "
	"latexmk asciidoctor fc-cache mmdebstrap debootstrap py_compile compileall ";

static bool stands_in(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (const char *p = strstr(list, name); n > 0 && p != NULL; p = strstr(p + 1, name))
		if (p > list && p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static bool is_python(const char *name)
{
	const char *digits = name + strcspn(name, "0123456789");

	return strncmp(name, "python", 6) == 0 && digits >= name + 6 &&
	       strspn(digits, "0123456789.") == strlen(digits);
}

static bool wants_epoch(const struct lint_cmd *c)
{
	if (stands_in(epoch_tools, c->argv[0]))
		return true;
	if (strcmp(c->argv[0], "cmake") == 0)
		return lint_has(c, "--build");
	return is_python(c->argv[0]) && c->argc > 2 && strcmp(c->argv[1], "-m") == 0 &&
	       stands_in(epoch_tools, c->argv[2]);
}

static void look_for_epoch(const struct lint_cmd *c)
{
	struct lint *l = c->run->l;

	if (l->epoch || c->run->epoch || !wants_epoch(c))
		return;
	lint_say(c, LINT_TIME_EPOCH);
	l->epoch = true; /* once a stage */
}

/* python -m pip is pip. */
static void look_at_python(const struct lint_cmd *c)
{
	struct lint_cmd pip = *c;

	if (!is_python(c->argv[0]))
		return;
	for (size_t i = 1; i + 1 < c->argc; i++) {
		if (strcmp(c->argv[i], "-m") != 0)
			continue;
		pip.argv = c->argv + i + 1;
		pip.argc = c->argc - i - 1;
		if (strcmp(pip.argv[0], "pip") == 0)
			lint_python(&pip);
		return;
	}
}

void lint_apply(const struct lint_cmd *c)
{
	char name[16];

	/* pip3.11 is pip. */
	(void)snprintf(name, sizeof(name), "%s", c->argv[0]);
	if (strncmp(name, "pip", 3) == 0 && strspn(name + 3, "0123456789.") == strlen(name + 3))
		name[3] = '\0';
	for (size_t i = 0; i < SS_NELEMS(rules); i++)
		if (stands_in(rules[i].names, name) ||
		    (strlen(c->argv[0]) >= sizeof(name) && stands_in(rules[i].names, c->argv[0])))
			rules[i].look(c);
	look_at_python(c);
	look_for_epoch(c);
}

/* --- words --------------------------------------------------------------------------------------
 */

static bool goes_on(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool names_var(const char *text, const char *var)
{
	const size_t n = strlen(var);

	for (const char *p = strchr(text, '$'); p != NULL; p = strchr(p + 1, '$')) {
		const char *q = p[1] == '{' ? p + 2 : p + 1;

		if (strncmp(q, var, n) == 0 && !goes_on(q[n]))
			return true;
	}
	return false;
}

struct mark {
	const char *text;
	enum lint_code code;
};

/* Files, and words of other languages. */
static const struct mark marks[] = {
	{ "/proc/sys/kernel/random/uuid", LINT_RANDOM_UUID },
	{ "/proc/sys/kernel/random/boot_id", LINT_RANDOM_UUID },
	{ "uuid.uuid4(", LINT_RANDOM_UUID },
	{ "uuid.uuid1(", LINT_RANDOM_UUID },
	{ "randomUUID(", LINT_RANDOM_UUID },
	{ "/dev/urandom", LINT_RANDOM_DEVICE },
	{ "/dev/random", LINT_RANDOM_DEVICE },
	{ "/dev/hwrng", LINT_RANDOM_DEVICE },
	{ "os.urandom(", LINT_RANDOM_DEVICE },
	{ "secrets.token", LINT_RANDOM_DEVICE },
	{ "SecureRandom", LINT_RANDOM_DEVICE },
	{ "Math.random(", LINT_RANDOM_DEVICE },
	{ "randomBytes(", LINT_RANDOM_DEVICE },
	{ "datetime.now(", LINT_TIME_DATE },
	{ "datetime.utcnow(", LINT_TIME_DATE },
	{ "time.time(", LINT_TIME_DATE },
	{ "new Date()", LINT_TIME_DATE },
	{ "Date.now(", LINT_TIME_DATE },
	{ "Time.now", LINT_TIME_DATE },
	{ "/proc/cpuinfo", LINT_HOST_PROC },
	{ "/proc/meminfo", LINT_HOST_PROC },
	{ "/proc/version", LINT_HOST_PROC },
	{ "/proc/uptime", LINT_HOST_PROC },
	{ "/proc/loadavg", LINT_HOST_PROC },
	{ "/proc/stat", LINT_HOST_PROC },
	{ "/proc/cmdline", LINT_HOST_PROC },
	{ "/sys/class/dmi", LINT_HOST_PROC },
	{ "/sys/devices/system/cpu", LINT_HOST_PROC },
	{ "/proc/sys/kernel/hostname", LINT_HOST_NAME },
	{ "-march=native", LINT_HOST_NATIVE },
	{ "-mtune=native", LINT_HOST_NATIVE },
	{ "-mcpu=native", LINT_HOST_NATIVE },
	{ "target-cpu=native", LINT_HOST_NATIVE },
	{ "install.packages(", LINT_OTHER_VERSION },
	{ "Pkg.add(", LINT_OTHER_VERSION },
};

static const struct mark variables[] = {
	{ "RANDOM", LINT_RANDOM_VARIABLE },     { "SRANDOM", LINT_RANDOM_VARIABLE },
	{ "EPOCHSECONDS", LINT_TIME_VARIABLE }, { "EPOCHREALTIME", LINT_TIME_VARIABLE },
	{ "SECONDS", LINT_TIME_VARIABLE },      { "HOSTNAME", LINT_HOST_NAME },
};

void lint_words(const struct lint_cmd *c)
{
	const struct sh_script *sh = &c->s->sh;
	const struct sh_cmd *cmd = &sh->cmds[c->index];
	bool told[LINT_CODES] = { false };

	for (uint32_t i = 0; i < cmd->n; i++) {
		const struct sh_word *w = &sh->words[cmd->first + i];
		const char *text = sh_text(sh, w);

		if (w->kind == SH_WRITE)
			continue;
		for (size_t k = 0; k < SS_NELEMS(marks); k++)
			if (strstr(text, marks[k].text) != NULL)
				told[marks[k].code] = true;
		for (size_t k = 0; k < SS_NELEMS(variables); k++)
			if (names_var(text, variables[k].text) &&
			    !lint_has_var(c->run->l, variables[k].text))
				told[variables[k].code] = true;
	}
	for (size_t k = 0; k < LINT_CODES; k++)
		if (told[k])
			lint_say(c, (enum lint_code)k);
}

void lint_text(struct lint *l, struct ss_span text, size_t at)
{
	for (size_t k = 0; k < SS_NELEMS(marks); k++)
		if (marks[k].code == LINT_HOST_NATIVE && text.n > 0 &&
		    memmem(text.p, text.n, marks[k].text, strlen(marks[k].text)) != NULL) {
			lint_say_at(l, LINT_HOST_NATIVE, at, text);
			return;
		}
}
