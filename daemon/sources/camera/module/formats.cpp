/* SPDX-License-Identifier: MIT */
/* Size, format and turning, as a camera has them. */
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "daemon/sources/camera/module/inside.hpp"

using namespace libcamera;

namespace fr
{

namespace
{

struct known_format {
	enum fr_camera_format format;
	PixelFormat pixels;
};

/* The first that fits is taken: MJPEG stands before what we would have to encode. */
const std::vector<known_format> &known_formats()
{
	static const std::vector<known_format> all = {
	    {FR_CAMERA_MJPEG, formats::MJPEG},
	    {FR_CAMERA_YUV420, formats::YUV420},
	    {FR_CAMERA_NV12, formats::NV12},
	    {FR_CAMERA_YUYV, formats::YUYV},
	    {FR_CAMERA_RGB, formats::BGR888},
	    {FR_CAMERA_BGR, formats::RGB888},
	};
	return all;
}

const known_format *known(const PixelFormat &pixels)
{
	for (const known_format &f : known_formats())
		if (f.pixels == pixels)
			return &f;
	return nullptr;
}

/* Sets size and format, as the camera then takes them. */
CameraConfiguration::Status configure(
    CameraConfiguration &config, const Size &size, const PixelFormat &pixels)
{
	StreamConfiguration &stream = config.at(0);

	stream.pixelFormat = pixels;
	stream.size = size;
	stream.bufferCount = 4;
	return config.validate();
}

/* How far a size is from the one wanted. */
uint64_t distance(const Size &a, const Size &b)
{
	return static_cast<uint64_t>(std::llabs(static_cast<long long>(a.width) - b.width)) +
	       static_cast<uint64_t>(std::llabs(static_cast<long long>(a.height) - b.height));
}

/* The format whose size comes nearest to the one wanted; among equals the one that costs least. */
const known_format &choose(CameraConfiguration &config, const Size &size)
{
	const known_format *best = nullptr;
	uint64_t best_distance = 0;
	std::string offered;

	for (const known_format &f : known_formats()) {
		if (configure(config, size, f.pixels) == CameraConfiguration::Invalid ||
		    config.at(0).pixelFormat != f.pixels)
			continue;
		const uint64_t d = distance(config.at(0).size, size);
		if (best == nullptr || d < best_distance) {
			best = &f;
			best_distance = d;
		}
	}
	if (best != nullptr)
		return *best;
	for (const PixelFormat &f : config.at(0).formats().pixelformats())
		offered += " " + f.toString();
	fail(EINVAL, "the camera gives no format that can be encoded; it offers:" + offered);
}

} /* namespace */

void choose_format(CameraConfiguration &config, const Size &size)
{
	if (configure(config, size, choose(config, size).pixels) == CameraConfiguration::Invalid)
		fail(EINVAL, "the camera refuses its own format");
}

bool format_of(const PixelFormat &pixels, enum fr_camera_format &ret)
{
	const known_format *now = known(pixels);

	if (now == nullptr)
		return false;
	ret = now->format;
	return true;
}

void orient(
    CameraConfiguration &config, const struct fr_camera_wish &wish, struct fr_camera_mode &mode)
{
#if LIBCAMERA >= 2000
	static const Orientation all[2][2] = {
	    {Orientation::Rotate0, Orientation::Rotate180Mirror},
	    {Orientation::Rotate0Mirror, Orientation::Rotate180},
	};

	config.orientation = all[wish.hflip][wish.vflip];
	if (config.validate() == CameraConfiguration::Invalid)
		fail(EINVAL, "the camera refuses its own configuration");
	for (int h = 0; h < 2; h++)
		for (int v = 0; v < 2; v++)
			if (config.orientation == all[h][v]) {
				mode.hflip = h != 0;
				mode.vflip = v != 0;
			}
#else
	Transform wanted = Transform::Identity;

	if (wish.hflip)
		wanted = wanted ^ Transform::HFlip;
	if (wish.vflip)
		wanted = wanted ^ Transform::VFlip;
	config.transform = wanted;
	if (config.validate() == CameraConfiguration::Invalid)
		fail(EINVAL, "the camera refuses its own configuration");
	mode.hflip = !!(config.transform & Transform::HFlip);
	mode.vflip = !!(config.transform & Transform::VFlip);
#endif
}

std::string modes_of(Camera &camera)
{
	std::vector<std::pair<Size, std::string>> all;
	const auto config = camera.generateConfiguration({StreamRole::VideoRecording});
	std::string text;

	if (!config || config->empty())
		return text;
	const StreamFormats &offered = config->at(0).formats();
	for (const PixelFormat &pixels : offered.pixelformats())
		if (known(pixels) != nullptr)
			for (const Size &size : offered.sizes(pixels))
				all.emplace_back(size, pixels.toString());
	std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
		return static_cast<uint64_t>(a.first.width) * a.first.height >
		       static_cast<uint64_t>(b.first.width) * b.first.height;
	});
	for (const auto &[size, name] : all)
		text += (text.empty() ? "" : " ") + std::to_string(size.width) + "x" +
		        std::to_string(size.height) + "-" + name;
	return text;
}

} /* namespace fr */
