/* SPDX-License-Identifier: MIT */
#include "daemon/presets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "daemon/arguments.h"
#include "daemon/certificate.h"
#include "daemon/list_cameras.h"
#include "daemon/settings.h"
#include "daemon/settings_check.h"
#include "daemon/settings_file.h"

struct preset {
	const struct fr_arguments *args;
	struct fr_settings *settings;
	struct fr_text *problems;
};

__attribute__((format(printf, 2, 3))) static int say(struct preset *preset, const char *fmt, ...)
{
	struct fr_cause what;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap); /* a cut sentence is still one */
	va_end(ap);
	fr_text_add(preset->problems, "%s\n", what.text);
	return -EINVAL;
}

int fr_remote_parse(const char *text, struct fr_remote *ret, struct fr_cause *why)
{
	const char *slash = strchr(text, '/');
	struct fr_remote remote = {.port = FR_FRAMES_PORT};
	char address[300];
	int r;

	if (strstr(text, "://") != NULL || strncmp(text, "unix:", 5) == 0)
		slash =
		    NULL; /* fr_addr_split() has the sentence for the one, and takes the other */
	(void)snprintf(address, sizeof(address), "%.*s",
	    slash != NULL ? (int)(slash - text) : (int)sizeof(address) - 1, text);
	r = fr_addr_split(address, FR_FRAMES_PORT, remote.host, &remote.port, why);
	if (r < 0)
		return r;
	if (slash != NULL && !fr_text_is_name(slash + 1))
		return fr_cause_set(why, EINVAL,
		    "\"%.80s\" is not a stream's name: letters, digits, _ and -, at most 64, the "
		    "first "
		    "a letter or a digit",
		    slash + 1);
	if (slash != NULL)
		(void)snprintf(remote.stream, sizeof(remote.stream), "%s", slash + 1);
	*ret = remote;
	return 0;
}

/* The remote's address as the `address` option takes it. */
static const char *print_address(const struct fr_remote *remote, char room[300])
{
	if (strncmp(remote->host, "unix:", 5) == 0)
		(void)snprintf(room, 300, "%s", remote->host);
	else if (strchr(remote->host, ':') != NULL)
		(void)snprintf(room, 300, "[%s]:%u", remote->host, remote->port);
	else
		(void)snprintf(room, 300, "%s:%u", remote->host, remote->port);
	return room;
}

/* The name of this machine up to its first dot, as a stream's name. */
static void host_name(char name[FR_NAME_MAX + 1])
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1); /* then it stays empty */
	host[strcspn(host, ".")] = '\0';
	fr_text_to_name(name, host);
	if (!fr_text_is_name(name))
		(void)snprintf(name, FR_NAME_MAX + 1, "camera");
}

/* ---- rows ---- */

static struct fr_row *add_row(
    struct preset *preset, enum fr_end end, const char *name, const char *where)
{
	struct fr_text what = {0};
	struct fr_kind kind;

	if (fr_kind_find(end, name, &kind))
		return fr_rows_add(
		    fr_settings_rows(preset->settings, end), kind.options, kind.name, where);
	fr_kind_unknown(end, name, &what);
	(void)say(preset, "%s: %s", where, what.text);
	fr_text_done(&what);
	return NULL;
}

/* Sets an option of a row of ours. */
static int set(struct preset *preset, struct fr_row *row, const char *name, const char *text)
{
	struct fr_cause why;

	if (fr_options_set(row->options, name, FR_VALUE_WORD, text, &why) == 0)
		return 0;
	return say(preset, "%s: %s", row->where, why.text);
}

/* The same, where the table of a kind may lack the option and then means what we want anyway. */
static int set_if_there(
    struct preset *preset, struct fr_row *row, const char *name, const char *text)
{
	return fr_options_has(row->options, name) ? set(preset, row, name, text) : 0;
}

/* Sets what an argument says, which not every kind can do. */
static int set_argument(struct preset *preset, struct fr_row *row, const char *argument,
    const char *option, const char *text)
{
	struct fr_cause why;

	if (text == NULL)
		return 0;
	if (!fr_options_has(row->options, option))
		return say(
		    preset, "%s: kind \"%s\" cannot do this in this build", argument, row->kind);
	if (fr_options_set(row->options, option, FR_VALUE_WORD, text, &why) < 0)
		return say(preset, "%s: %s", argument, why.text);
	return 0;
}

/* ---- sources ---- */

static int set_controls(struct preset *preset, struct fr_row *row)
{
	const struct fr_arguments *args = preset->args;
	struct fr_cause why;

	if (args->control_count == 0)
		return 0;
	if (!fr_options_has(row->options, "controls"))
		return say(
		    preset, "--control: kind \"%s\" cannot do this in this build", row->kind);
	if (fr_options_set_list(
	        row->options, "controls", args->controls, args->control_count, &why) < 0)
		return say(preset, "--control: %s", why.text);
	return 0;
}

static int set_picture(struct preset *preset, struct fr_row *row)
{
	const struct fr_arguments *args = preset->args;
	char warmup[32];
	int r = set_argument(preset, row, "--size", "size", args->size);

	(void)snprintf(warmup, sizeof(warmup), "%lld", (long long)args->warmup_ms);
	r |= set_argument(preset, row, "--fps", "fps", args->fps);
	r |= set_argument(preset, row, "--quality", "quality", args->quality);
	r |= set_argument(preset, row, "--rotate", "rotate", args->rotate);
	r |= set_argument(preset, row, "--hflip", "hflip", args->hflip ? "true" : NULL);
	r |= set_argument(preset, row, "--vflip", "vflip", args->vflip ? "true" : NULL);
	r |= set_argument(
	    preset, row, "--warmup", "warmup_ms", args->warmup != NULL ? warmup : NULL);
	r |= set_controls(preset, row);
	/* A source without the option runs always. */
	r |= set_if_there(preset, row, "on_demand", args->always ? "false" : "true");
	return r;
}

/* Adds the source that KIND[:ARG] names. */
static int add_source(struct preset *preset, const char *text, const char *stream)
{
	const bool is_url = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
	const size_t length = strcspn(text, ":");
	const char *argument = is_url ? text : text[length] == ':' ? text + length + 1 : NULL;
	struct fr_kind kind;
	struct fr_cause why;
	struct fr_row *row;
	char name[64];
	int r;

	(void)snprintf(name, sizeof(name), "%.*s", (int)length, text);
	row = add_row(preset, FR_END_SOURCE, is_url ? "http-pull" : name, "--source");
	if (row == NULL)
		return -EINVAL;
	(void)fr_kind_find(FR_END_SOURCE, row->kind, &kind);
	if (argument != NULL && kind.argument == NULL)
		return say(preset, "--source %s takes nothing behind it, and \"%.80s\" is there",
		    name, argument);
	r = set(preset, row, "stream", stream);
	if (argument != NULL)
		r |= set(preset, row, kind.argument, argument);
	r |= set_picture(preset, row);
	if (r == 0 && fr_options_check(row->options, &why) < 0)
		r = say(preset, "--source %s%s: %s", name, kind.argument != NULL ? ":ARG" : "",
		    why.text);
	return r;
}

/* ---- modes ---- */

static int publish(struct preset *preset)
{
	const char *source = preset->args->source;
	struct fr_remote remote = {.port = 0};
	struct fr_cause why;
	struct fr_row *row;
	char address[300];
	int r;

	if (fr_remote_parse(preset->args->publish, &remote, &why) < 0)
		return say(preset, "--publish: %s", why.text);
	if (remote.stream[0] == '\0')
		host_name(remote.stream);
	r = add_source(preset, source != NULL ? source : "camera", remote.stream);
	row = add_row(preset, FR_END_SINK, "frames-push", "--publish");
	if (row == NULL)
		return -EINVAL;
	r |= set(preset, row, "stream", remote.stream);
	r |= set(preset, row, "address", print_address(&remote, address));
	r |= set(preset, row, "hello", preset->args->plain ? "false" : "true");
	if (preset->args->always)
		r |= set(preset, row, "always", "true");
	r |= set_argument(preset, row, "--token-file", "token_file", preset->args->token_file);
	if (preset->args->no_retry)
		r |= set(preset, row, "retry", "false");
	return r;
}

/* --to frames:HOST:PORT */
static int send_on(struct preset *preset, const char *stream)
{
	const char *to = preset->args->to;
	struct fr_row *row;
	int r;

	if (strncmp(to, "frames:", 7) != 0)
		return say(preset, "--to: \"%.80s\" is not frames:HOST:PORT", to);
	row = add_row(preset, FR_END_SINK, "frames-push", "--to");
	if (row == NULL)
		return -EINVAL;
	r = set(preset, row, "stream", stream);
	r |= set(preset, row, "address", to + 7);
	r |= set(preset, row, "hello", "false");
	if (preset->args->no_retry)
		r |= set(preset, row, "retry", "false");
	return r;
}

static int record(struct preset *preset, const char *stream)
{
	const struct fr_arguments *args = preset->args;
	const bool to_output = args->output != NULL && strcmp(args->output, "-") == 0;
	struct fr_row *row = add_row(preset, FR_END_SINK, "record", "--subscribe");
	char duration[32];
	int r;

	if (row == NULL)
		return -EINVAL;
	(void)snprintf(duration, sizeof(duration), "%lld", (long long)args->duration_ms);
	r = set(preset, row, "stream", stream);
	r |= set_argument(preset, row, "--output", "output", args->output);
	r |= set_argument(preset, row, "--timestamps", "timestamps", args->timestamps);
	r |= set_argument(preset, row, "--count", "count", args->count);
	r |= set_argument(
	    preset, row, "--duration", "duration_ms", args->duration_ms != 0 ? duration : NULL);
	/* Without an output the numbers are what is wanted. */
	if (args->stats || (args->output == NULL && args->to == NULL) ||
	    (args->terminal && !to_output))
		r |= set(preset, row, "stats", "true");
	return r;
}

static int subscribe(struct preset *preset)
{
	const struct fr_arguments *args = preset->args;
	struct fr_remote remote = {.port = 0};
	struct fr_cause why;
	struct fr_row *row;
	char address[300];
	int r;

	if (fr_remote_parse(args->subscribe, &remote, &why) < 0)
		return say(preset, "--subscribe: %s", why.text);
	if (remote.stream[0] == '\0') {
		if (args->action == FR_ACTION_LIST)
			return 0;
		return say(preset, "--subscribe %s: the stream is missing: HOST[:PORT]/STREAM",
		    args->subscribe);
	}
	row = add_row(preset, FR_END_SOURCE, "frames-pull", "--subscribe");
	if (row == NULL)
		return -EINVAL;
	r = set(preset, row, "stream", remote.stream);
	r |= set(preset, row, "address", print_address(&remote, address));
	r |= set_argument(preset, row, "--max-fps", "max_fps", args->max_fps);
	r |= set_argument(preset, row, "--token-file", "token_file", args->token_file);
	if (args->no_retry)
		r |= set(preset, row, "retry", "false");
	if (args->output != NULL) {
		/* Every picture is wanted, not only the newest. */
		r |= set_if_there(preset, row, "queue", "64");
		r |= set_if_there(preset, row, "age_ms", "5000");
	}
	if (args->to != NULL)
		r |= send_on(preset, remote.stream);
	if (args->to == NULL || args->output != NULL || args->timestamps != NULL ||
	    args->count != NULL || args->stats)
		r |= record(preset, remote.stream);
	return r;
}

static int add_door(struct preset *preset, const char *kind, const char *listen)
{
	struct fr_row *row = add_row(preset, FR_END_DOOR, kind, "default");

	return row != NULL ? set(preset, row, "listen", listen) : -EINVAL;
}

/* A relay without a file: its doors, and a source so that there is something to see. */
static int show(struct preset *preset)
{
	const struct fr_arguments *args = preset->args;
	const char *source = args->source;
	const bool is_open = args->lan || args->source != NULL;
	char stream[FR_NAME_MAX + 1] = "test";
	int r = 0;

	if (args->file == NULL) {
		r = add_door(preset, "frames", is_open ? "[::]:8000" : "127.0.0.1:8000");
		r |= add_door(preset, "http", is_open ? "[::]:8080" : "127.0.0.1:8080");
		fr_settings_add_default_access(preset->settings);
	}
	if (source == NULL && args->file == NULL)
		source = fr_camera_is_there() ? "camera" : "pattern";
	if (source != NULL && (args->source != NULL || strcmp(source, "camera") == 0))
		host_name(stream);
	if (source != NULL)
		r |= add_source(preset, source, stream);
	return r;
}

int fr_presets_settings(
    const struct fr_arguments *args, struct fr_settings **ret, struct fr_text *problems)
{
	struct preset preset = {.args = args, .problems = problems};
	int r;

	if (args->file == NULL)
		preset.settings = fr_settings_new();
	else if (fr_settings_read(args->file, &preset.settings, problems) < 0)
		return -EINVAL;
	if (args->publish != NULL)
		r = publish(&preset);
	else if (args->subscribe != NULL)
		r = subscribe(&preset);
	else
		r = show(&preset);
	if (r == 0)
		r = fr_settings_check(preset.settings, problems);
	if (r == 0)
		r = fr_certificate_check_files(preset.settings, problems);
	if (r < 0) {
		fr_settings_free(preset.settings);
		return -EINVAL;
	}
	*ret = preset.settings;
	return 0;
}
