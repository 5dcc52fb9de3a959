/* SPDX-License-Identifier: MIT */
/* Controls by name. */
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

#include "daemon/sources/camera/module/inside.hpp"

using namespace libcamera;

namespace fr
{

namespace
{

const ControlId *find_control(const ControlInfoMap &there, const std::string &name)
{
	std::vector<std::string> names;
	std::string all;

	for (const auto &entry : there) {
		if (entry.first->name() == name)
			return entry.first;
		names.push_back(entry.first->name());
	}
	std::sort(names.begin(), names.end());
	for (const std::string &n : names)
		all += (all.empty() ? "" : ", ") + n;
	fail(EINVAL, "this camera has no control \"" + name +
	                 "\"; it has: " + (all.empty() ? std::string("none") : all));
}

[[noreturn]] void bad_value(
    const std::string &name, const std::string &text, const std::string &allowed)
{
	fail(EINVAL, "control " + name + ": \"" + text + "\" is not " + allowed);
}

/* What libcamera keeps texts in: std::string, since 0.5 std::string_view. */
using text_type = std::decay_t<decltype(properties::Model)>::type;

/* Several numbers, with something between them. */
std::vector<double> numbers_of(const std::string &text)
{
	std::vector<double> numbers;
	const char *at = text.c_str();

	while (*at != '\0') {
		char *end;
		const double number = std::strtod(at, &end);

		if (end == at)
			return {};
		numbers.push_back(number);
		at = end + std::strspn(end, " ,x");
	}
	return numbers;
}

template <typename number_type> ControlValue array_of(const std::vector<double> &numbers)
{
	std::vector<number_type> values;

	for (const double n : numbers)
		values.push_back(static_cast<number_type>(n));
	if (values.size() == 1)
		return ControlValue(values[0]);
	return ControlValue(Span<const number_type>(values.data(), values.size()));
}

/* An enumeration by the name of its value, where libcamera knows it: AfMode=Continuous, AfMode=AfModeContinuous. */
bool named_value(const ControlId &id, const std::string &text, int32_t &ret)
{
#if LIBCAMERA >= 4000
	for (const auto &entry : id.enumerators())
		if (entry.second == text || entry.second == id.name() + text) {
			ret = entry.first;
			return true;
		}
#endif
	if (id.name() != "AfMode")
		return false;
	if (text == "Manual")
		ret = controls::AfModeManual;
	else if (text == "Auto")
		ret = controls::AfModeAuto;
	else if (text == "Continuous")
		ret = controls::AfModeContinuous;
	else
		return false;
	return true;
}

ControlValue value_of(const ControlId &id, const ControlInfo &info, const std::string &text)
{
	const std::vector<double> numbers = numbers_of(text);
	int32_t named;

	if (id.type() == ControlTypeBool) {
		if (text == "true" || text == "1")
			return ControlValue(true);
		if (text == "false" || text == "0")
			return ControlValue(false);
		bad_value(id.name(), text, "true or false");
	}
	if (id.type() == ControlTypeString)
		return ControlValue(text_type(text));
	if (id.type() == ControlTypeInteger32 && named_value(id, text, named))
		return ControlValue(named);
	if (numbers.empty())
		bad_value(id.name(), text, "a number in " + info.toString());
	switch (id.type()) {
	case ControlTypeByte:
		return array_of<uint8_t>(numbers);
	case ControlTypeInteger32:
		return array_of<int32_t>(numbers);
	case ControlTypeInteger64:
		return array_of<int64_t>(numbers);
	case ControlTypeFloat:
		return array_of<float>(numbers);
	case ControlTypeRectangle:
		if (numbers.size() == 4)
			return ControlValue(Rectangle(static_cast<int>(numbers[0]),
			    static_cast<int>(numbers[1]), static_cast<unsigned>(numbers[2]),
			    static_cast<unsigned>(numbers[3])));
		bad_value(id.name(), text, "four numbers: x,y,width,height");
	default:
		fail(EINVAL, "control " + id.name() + " has a type that cannot be set by name");
	}
}

/* Numbers beyond what the camera says it takes. */
void check_range(const ControlId &id, const ControlInfo &info, const ControlValue &value)
{
	const bool comparable = !value.isArray() && value.type() == info.min().type() &&
	                        value.type() == info.max().type();
	const auto refuse = [&] {
		bad_value(id.name(), value.toString(), "in " + info.toString());
	};

	if (!comparable)
		return;
	if (value.type() == ControlTypeFloat && (value.get<float>() < info.min().get<float>() ||
	                                            value.get<float>() > info.max().get<float>()))
		refuse();
	if (value.type() == ControlTypeInteger32 &&
	    (value.get<int32_t>() < info.min().get<int32_t>() ||
	        value.get<int32_t>() > info.max().get<int32_t>()))
		refuse();
}

} /* namespace */

ControlList controls_for(const Camera &camera, const struct fr_camera_wish &wish)
{
	const ControlInfoMap &there = camera.controls();
	ControlList list(controls::controls);

	if (there.find(&controls::AfMode) != there.end())
		list.set(controls::AfMode, static_cast<int32_t>(controls::AfModeContinuous));
	if (wish.interval_us > 0 && there.find(&controls::FrameDurationLimits) != there.end()) {
		const int64_t limits[2] = {wish.interval_us, wish.interval_us};

		list.set(controls::FrameDurationLimits, Span<const int64_t, 2>(limits));
	}
	for (size_t i = 0; i < wish.control_count; i++) {
		const std::string text = wish.controls[i];
		const size_t equals = text.find('=');

		if (equals == std::string::npos || equals == 0)
			fail(EINVAL, "control \"" + text + "\" is not NAME=VALUE");
		const ControlId &id = *find_control(there, text.substr(0, equals));
		const ControlInfo &info = there.at(id.id());
		const ControlValue value = value_of(id, info, text.substr(equals + 1));
		check_range(id, info, value);
		list.set(id.id(), value);
	}
	return list;
}

} /* namespace fr */
