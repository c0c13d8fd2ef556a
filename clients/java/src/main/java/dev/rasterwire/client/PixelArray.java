// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Pixels in rows, with a field for each band, and {@code mask} where the plan has one: 255 for valid pixels, else 0. */
public final class PixelArray {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /**
   * A field of a pixel.
   *
   * @param name of the band
   * @param type NumPy's kind and bytes of a value, such as {@code u2}
   * @param count values of a pixel: 1, or for a mask of each band their number
   * @param offset bytes of a pixel before it
   */
  public record Field(String name, String type, int count, int offset) {
    int bytes() {
      return type.charAt(1) - '0';
    }
  }

  private final int rows;
  private final int columns;
  private final List<Field> fields;
  private final int stride;
  private final ByteBuffer data;

  private PixelArray(int rows, int columns, List<Field> fields, int stride, ByteBuffer data) {
    this.rows = rows;
    this.columns = columns;
    this.fields = List.copyOf(fields);
    this.stride = stride;
    this.data = data;
  }

  /** Rows of the grid. */
  public int rows() {
    return rows;
  }

  /** Columns of the grid. */
  public int columns() {
    return columns;
  }

  /** The fields, in the order of the request. */
  public List<Field> fields() {
    return fields;
  }

  /** Bytes of a pixel. */
  public int stride() {
    return stride;
  }

  /** All pixels, in little-endian order. */
  public ByteBuffer data() {
    return data.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The values of a field, row by row; of one with several values of a pixel, the first. Whole numbers beyond 2 to the
   * 53rd lose digits: read those from {@link #data}.
   *
   * @throws IllegalArgumentException there is no such field
   */
  public double[] values(String name) {
    Field field =
        fields.stream()
            .filter(each -> each.name.equals(name))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("the array has no field " + name));
    double[] values = new double[rows * columns];
    for (int pixel = 0; pixel < values.length; pixel++) {
      int place = pixel * stride + field.offset;
      values[pixel] =
          switch (field.type) {
            case "u1" -> Byte.toUnsignedInt(data.get(place));
            case "i1" -> data.get(place);
            case "u2" -> Short.toUnsignedInt(data.getShort(place));
            case "i2" -> data.getShort(place);
            case "u4" -> Integer.toUnsignedLong(data.getInt(place));
            case "i4" -> data.getInt(place);
            case "u8" -> unsigned(data.getLong(place));
            case "i8" -> data.getLong(place);
            case "f4" -> data.getFloat(place);
            default -> data.getDouble(place);
          };
    }
    return values;
  }

  private static double unsigned(long value) {
    return value >= 0 ? value : ((value >>> 1) | (value & 1)) * 2.0;
  }

  /**
   * Reads a NumPy file of this service: a structured array of two dimensions.
   *
   * <p>The form is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
   *
   * @throws RasterwireException of kind CORRUPT, where it is none
   */
  public static PixelArray read(byte[] file) {
    if (file.length < 12 || !Arrays.equals(file, 0, 6, MAGIC, 0, 6)) {
      throw RasterwireException.corrupt("what came is no NumPy file");
    }
    ByteBuffer whole = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int version = file[6];
    int start = version > 1 ? 12 : 10;
    long size = version > 1 ? Integer.toUnsignedLong(whole.getInt(8)) : Short.toUnsignedInt(whole.getShort(8));
    if (start + size > file.length) {
      throw RasterwireException.corrupt("the header of the array ends behind the file");
    }
    int end = start + (int) size;
    var letters = version < 3 ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8;
    Object header = new PythonLiteral(new String(file, start, (int) size, letters)).read();
    if (!(header instanceof Map<?, ?> entries)
        || !Boolean.FALSE.equals(entries.get("fortran_order"))
        || !(entries.get("shape") instanceof List<?> shape)
        || !(entries.get("descr") instanceof List<?> described)
        || shape.size() != 2
        || described.isEmpty()
        || !(shape.get(0) instanceof Integer rows)
        || !(shape.get(1) instanceof Integer columns)) {
      throw RasterwireException.corrupt("the header of the array does not describe rows of pixels");
    }
    List<Field> fields = new ArrayList<>();
    int stride = 0;
    for (Object entry : described) {
      Field field = fieldOf(entry, stride);
      fields.add(field);
      stride += field.bytes() * field.count;
    }
    if ((long) rows * columns * stride != file.length - end) {
      throw RasterwireException.corrupt(
          (file.length - end) + " bytes of pixels came for " + rows + " x " + columns + " of " + stride);
    }
    return new PixelArray(rows, columns, fields, stride, whole.slice(end, file.length - end).order(ByteOrder.LITTLE_ENDIAN));
  }

  private static Field fieldOf(Object entry, int offset) {
    if (entry instanceof List<?> parts
        && (parts.size() == 2 || parts.size() == 3)
        && parts.get(0) instanceof String name
        && parts.get(1) instanceof String type
        && type.matches("[<|]?([ui][1248]|f[48])")) {
      int count = 1;
      if (parts.size() == 3) {
        boolean isCount = parts.get(2) instanceof List<?> counts && counts.size() == 1 && counts.get(0) instanceof Integer;
        count = isCount ? (Integer) ((List<?>) parts.get(2)).get(0) : 0;
      }
      if (count > 0 && count <= 1 << 16) {
        return new Field(name, type.substring(type.length() - 2), count, offset);
      }
    }
    throw RasterwireException.corrupt("a field of the array is not understood");
  }
}
