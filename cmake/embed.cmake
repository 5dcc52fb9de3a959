# SPDX-License-Identifier: MIT
#
# Writes the files of a folder into a C source, for a program that brings its page along:
#
#   cmake -D FOLDER=daemon/page -D OUT=page_files.c -P embed.cmake
#
# The same files give the same source, byte for byte. What the table looks like to C is said in
# daemon/doors/http/page_files.h.
set(type_css "text/css; charset=utf-8")
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

file(GLOB files "${FOLDER}/*")
list(SORT files)
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME)
    string(REGEX MATCH "[a-z]+$" extension "${name}")
    if(NOT DEFINED type_${extension})
        message(FATAL_ERROR "${file}: no content type is known for .${extension}")
    endif()
    file(READ "${file}" bytes HEX)
    file(SIZE "${file}" size)
    file(SHA256 "${file}" sum)
    string(SUBSTRING "${sum}" 0 16 sum)
    # Lines of 16 bytes.
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
        bytes "${bytes}")
    string(APPEND arrays "static const unsigned char file_${number}[] = {\n${bytes}0};\n\n")
    string(APPEND rows
        "    {\"${name}\", \"${type_${extension}}\", \"\\\"${sum}\\\"\", (const char *)file_${number}, ${size}},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUT}" "/* Made by cmake/embed.cmake. */
#include \"daemon/doors/http/page_files.h\"

${arrays}const struct fr_page_file fr_page_files[] = {
${rows}};

const size_t fr_page_file_count = ${number};
")
