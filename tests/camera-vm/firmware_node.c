/* SPDX-License-Identifier: MIT */
/*
 * Gives the USB bus that USB/IP makes what every real one has from its firmware: a name, /firmware_node/path. libcamera 0.0.3
 * makes the id of a USB camera from it, and knows no camera without.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sysfs.h>

static struct device *bus;

static ssize_t path_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "\\_SB_.VHCI\n");
}
static DEVICE_ATTR_RO(path);

static struct attribute *attrs[] = {&dev_attr_path.attr, NULL};
static const struct attribute_group firmware_node = {.name = "firmware_node", .attrs = attrs};

static int __init firmware_node_init(void)
{
	int r;

	bus = bus_find_device_by_name(&platform_bus_type, NULL, "vhci_hcd.0");
	if (bus == NULL)
		return -ENODEV;
	r = sysfs_create_group(&bus->kobj, &firmware_node);
	if (r < 0)
		put_device(bus);
	return r;
}

static void __exit firmware_node_exit(void)
{
	sysfs_remove_group(&bus->kobj, &firmware_node);
	put_device(bus);
}

module_init(firmware_node_init);
module_exit(firmware_node_exit);
MODULE_DESCRIPTION("A firmware's name for the USB bus of USB/IP");
MODULE_LICENSE("Dual MIT/GPL");
