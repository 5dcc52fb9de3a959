/* SPDX-License-Identifier: MIT */
/* Hello lines and their answers: what is understood is written down again with the same meaning. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/media/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hello(const char *line, size_t size)
{
	char written[FR_HELLO_MAX + 1], again[FR_HELLO_MAX + 1];
	struct fr_hello hello, read;
	struct fr_cause why = {""};
	size_t n;

	if (fr_hello_read(line, size, 64, &hello, &why) != 0) {
		assert(why.text[0] != '\0');
		return;
	}
	assert(hello.verb == FR_HELLO_LIST || fr_text_is_name(hello.stream));
	n = fr_hello_write(&hello, written);
	assert(n > 0 && n <= FR_HELLO_MAX && written[n - 1] == '\n');
	assert(fr_hello_read(written, n - 1, 64, &read, &why) == 0);
	assert(fr_hello_write(&read, again) == n && memcmp(written, again, n) == 0);
	assert(read.queue_age_ms == hello.queue_age_ms && read.fps_milli == hello.fps_milli);
	assert(fr_rendition_is_same(&read.rendition, &hello.rendition));
	assert(read.max_fps_milli == hello.max_fps_milli && read.records == hello.records);
	assert(strcmp(read.token, hello.token) == 0 && strcmp(read.id, hello.id) == 0);
}

static void check_answer(const char *line, size_t size)
{
	struct fr_hello_answer answer;
	struct fr_cause why = {""};

	if (fr_hello_answer_read(line, size, &answer, &why) != 0) {
		assert(why.text[0] != '\0');
		return;
	}
	assert(answer.ok || (answer.code >= 400 && answer.code <= 599));
	assert(answer.live >= -1 && answer.live <= 1);
	assert(answer.stream[0] == '\0' || fr_text_is_name(answer.stream));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_hello((const char *)data, size);
	check_answer((const char *)data, size);
	return 0;
}
