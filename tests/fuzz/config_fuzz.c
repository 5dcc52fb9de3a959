/* SPDX-License-Identifier: MIT */
/*
 * The configuration loader: any text is either refused with a sentence that names a line, or becomes settings that
 * print as text which reads back equal.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/settings.h"
#include "daemon/settings_file.h"

enum {
	INPUT_MAX = 64 * 1024,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_and_read_back(const struct fr_settings *settings)
{
	struct fr_settings *back = NULL;
	struct fr_text printed = {0}, problems = {0};
	int r;

	fr_settings_print(settings, &printed);
	r = fr_settings_read_text("printed", printed.text, printed.length, &back, &problems);
	assert(r == 0);
	assert(fr_settings_equal(settings, back));
	fr_settings_free(back);
	fr_text_done(&printed);
	fr_text_done(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};
	char *text;

	if (size > INPUT_MAX)
		return 0;
	text = fr_xcalloc(size + 1, 1);
	if (size != 0)
		memcpy(text, data, size);
	if (fr_settings_read_text("fuzz", text, size, &settings, &problems) == 0) {
		assert(problems.length == 0);
		print_and_read_back(settings);
	} else {
		assert(settings == NULL);
		assert(strncmp(problems.text, "fuzz:", 5) == 0);
		assert(problems.text[problems.length - 1] == '\n');
	}
	fr_settings_free(settings);
	fr_text_done(&problems);
	free(text);
	return 0;
}
